"""From folders of images to questions of names: images of one side, and the masks that they may have."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from trainer.data.item import Side
from trainer.data.layout.files import File, key_files, list_files
from trainer.data.layout.lists import read_lists
from trainer.data.layout.match import Key, common_start
from trainer.data.layout.pairs import Choice
from trainer.data.layout.scan import Folder
from trainer.data.layout.sites import Site, mask_choices
from trainer.data.layout.words import is_part

SIDES: tuple[Side, ...] = ("train", "validation", "test")


@dataclass(frozen=True)
class Problem:
    """Images of one side, and the masks they may have."""

    side: Side
    shown: str  # the folders of the images, for people
    images: list[tuple[Key, File]]
    choices: list[Choice]
    lists: tuple[Path, ...] = ()  # that say which images are of the side


@dataclass(frozen=True)
class _Placed:
    side: Side | None  # None where the folders do not say it
    prefix: str  # keeps the folders of the sites apart
    file: File


def find_problems(root: Path, sites: list[Site]) -> Iterator[Problem]:
    """The problems of sites whose folders have the same names: one a side.

    A site is of one side, or is divided by folders in it such as `images/train/`, or by lists.
    """
    images: list[_Placed] = []
    paths: list[Path] = []
    for position, site in enumerate(sites):
        files = _to_parts(list_files(site.images, site.deep, [folder.path for folder in site.masks]))
        placed = [_place(file, position) for file in files]
        divided = site.side is not None or any(one.side for one in placed)
        lists = None if divided else read_lists(site.node, files)
        if lists:
            paths += lists.paths
            placed = [replace(one, side=side) for one in placed if (side := lists.side_of(one.file))]
        if site.side is not None:
            placed = [_Placed(site.side, str(position), file) for file in files]
        images += placed
    choices = [(choice, list(_list_masks(choice, sites))) for choice in mask_choices(sites)]
    for side in SIDES:
        chosen = [one for one in images if (one.side or "train") == side]
        if chosen:
            found = [_choose(root, folders, masks, side, bool(paths)) for folders, masks in choices]
            yield Problem(side, show(root, (one.file.top for one in chosen)), _key(chosen),
                          [choice for choice in found if choice.files], tuple(paths))  # fmt: skip


def _place(file: File, position: int) -> _Placed:
    """The image or mask without its first folder where that is of a part."""
    part = is_part(file.folders[0]) if file.folders else None
    if part:
        file = replace(file, folders=file.folders[1:], top=file.path.parents[len(file.folders) - 1])
    return _Placed(part, str(position), file)


def _to_parts(files: list[File]) -> list[File]:
    """The files without the folders that all are in where parts follow, as in `images/10k/train/`."""
    depth = common_start([list(file.folders) for file in files]) if files else 0
    if not depth or not all(len(file.folders) > depth and is_part(file.folders[depth]) for file in files):
        return files
    tops = [file.path.parents[len(file.folders) - depth] for file in files]
    return [replace(file, folders=file.folders[depth:], top=top) for file, top in zip(files, tops, strict=True)]


def _list_masks(choice: list[Folder | None], sites: list[Site]) -> Iterator[_Placed]:
    for position, (folder, site) in enumerate(zip(choice, sites, strict=True)):
        # Images in a folder of the masks' are no masks.
        images = [site.images.path] if any(site.images.path.is_relative_to(mask.path) for mask in site.masks) else []
        if folder is None or any(folder.path.is_relative_to(path) for path in images):
            continue
        for file in list_files(folder, without=images):
            yield _place(file, position) if site.side is None else _Placed(site.side, str(position), file)


def _choose(root: Path, folders: list[Folder | None], masks: list[_Placed], side: Side, listed: bool) -> Choice:
    """The masks of a side. Those of no part are test images' only where lists say so: many are numbered alike."""
    own = [mask for mask in masks if mask.side == side]
    common = [mask for mask in masks if mask.side is None and (side != "test" or listed)]
    chosen = own or common
    return Choice(show(root, [mask.file.top for mask in chosen] or [one.path for one in folders if one]), _key(chosen))


def _key(placed: Iterable[_Placed]) -> list[tuple[Key, File]]:
    return [pair for one in placed for pair in key_files([one.file], one.prefix)]


def show(root: Path, folders: Iterable[Path]) -> str:
    """Folders for people: their paths below `root`, or their common name and number."""
    unique = list(dict.fromkeys(folders))
    if len(unique) > 1:
        names = sorted({folder.name for folder in unique})
        return f"{names[0]}/ in {len(unique)} folders" if len(names) == 1 else f"{len(unique)} folders"
    if not unique:
        return "no folder"
    inside = unique[0].is_relative_to(root) and unique[0] != root
    return f"{unique[0].relative_to(root).as_posix() if inside else unique[0].name}/"
