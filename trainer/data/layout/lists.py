"""Lists of names that divide a folder of images: `ImageSets/Segmentation/train.txt`, or `train.txt` beside it."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from trainer.data.item import Side
from trainer.data.layout.files import File, normal
from trainer.data.layout.scan import Folder
from trainer.data.layout.words import is_part
from trainer.errors import InputError, printable

_FOLDERS = (("ImageSets", "Segmentation"), ("ImageSets",), ("splits",), ("lists",), ())
_MOST_BYTES = 50_000_000


@dataclass(frozen=True)
class Lists:
    """The side of each listed name, and the files that say so."""

    sides: dict[str, Side]
    paths: tuple[Path, ...]

    def side_of(self, file: File) -> Side | None:
        """The side of an image, or None where it is not listed."""
        return self.sides.get(file.name) or self.sides.get(file.stem)


def read_lists(node: Folder, images: list[File]) -> Lists | None:
    """Lists beside the folder of these images, or None. Raises InputError for a name that no image has.

    A text file is a list where at least one of its lines is the name of an image.
    """
    names = {file.name for file in images} | {file.stem for file in images}
    for steps in _FOLDERS:
        folder = _descend(node, steps)
        found = {} if folder is None else _list_files(folder)
        lists = {path: lines for path in found if (lines := _read_names(path, names))}
        if not lists:
            continue
        sides: dict[str, Side] = {}
        # Where a name stands in two lists, `trainval.txt` and `val.txt`, it is the latter's.
        for path, lines in sorted(lists.items(), key=lambda one: _ORDER[found[one[0]]]):
            for line in lines:
                if line not in names:
                    raise InputError(
                        f"a list must name images that are there; got {printable(line)} in {printable(path)}; "
                        "correct the list, or add the image"
                    )
                sides[line] = found[path]
        return Lists(sides, tuple(lists))
    return None


_ORDER: dict[Side, int] = {"train": 0, "validation": 1, "test": 2}


def _descend(folder: Folder | None, steps: tuple[str, ...]) -> Folder | None:
    for step in steps:
        folder = folder.folders.get(step) if folder else None
    return folder


def _list_files(folder: Folder) -> dict[Path, Side]:
    """The text files that are named as parts."""
    named = {name: is_part(name.removesuffix(".txt")) for name in folder.others if name.endswith(".txt")}
    return {folder.path / name: side for name, side in named.items() if side}


def _read_names(path: Path, names: set[str]) -> list[str]:
    """The names in a list; empty where no line is one, or the file is not text."""
    try:
        if not path.is_file() or path.stat().st_size > _MOST_BYTES:
            return []
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    found = [_find_name(line, names) for line in lines if line.strip()]
    return found if any(name in names for name in found) else []


def _find_name(line: str, names: set[str]) -> str:
    """The name of a line: all of it or its first word, with or without folders and suffix."""
    for text in (line.strip(), line.split()[0]):
        whole = normal(text)
        path = PurePosixPath(whole)
        for name in (whole, str(path.with_suffix("")) if path.name else whole, path.stem, path.name):
            if name in names:
                return name
    return normal(line.split()[0])
