"""Trees of empty files: layouts are found by names alone."""

from collections.abc import Iterable
from pathlib import Path

from trainer.config import DataConfig
from trainer.data.item import Item, Picture, Source
from trainer.data.layout.discover import find_source


def make_tree(root: Path, files: Iterable[str]) -> Path:
    """Empty files at these paths under `root`; `{}` in a path stands for 0, 1, 2."""
    for file in files:
        for number in range(3) if "{" in file else range(1):
            path = root / file.format(number)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    return root


def find(root: Path, **options: object) -> Source:
    return find_source(DataConfig.model_validate({"path": str(root), **options}))


def pairs(root: Path, items: Iterable[Item]) -> dict[str, str | None]:
    """The path of each image under `root`, with its mask's."""
    found: dict[str, str | None] = {}
    for item in items:
        assert isinstance(item.image, Picture) and (item.mask is None or isinstance(item.mask, Picture))
        mask = None if item.mask is None else item.mask.path.relative_to(root).as_posix()
        found[item.image.path.relative_to(root).as_posix()] = mask
    return found
