"""Finds images to predict: files, folders, patterns, and test images of data sets."""

import glob
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from trainer.data.disk.read import IMAGE_SUFFIXES
from trainer.data.item import Item, Picture
from trainer.data.layout.build import build, name_items, name_under
from trainer.data.layout.files import File, key_files, list_files
from trainer.data.layout.place import find_place
from trainer.data.layout.rows import read_test_rows
from trainer.data.layout.scan import scan, split_name
from trainer.data.layout.single import drop_copies, split_single
from trainer.data.layout.sites import find_sites
from trainer.errors import InputError, printable

_DIGITS = re.compile(r"(\d+)")


def find_images(path: str | Path | Sequence[str | Path]) -> tuple[Item, ...]:
    """Images to predict, without masks, under unique names, in the order of their numbers: 2 before 10.

    Args:
        path: a picture, an array file, a folder, a pattern such as `scans/*.png`, or several of them. Of an array file
            the test images are taken, or all images where it has no masks; of a data set its test images; else the
            pictures that lie in the folder itself, or in its folder of images. Masks that lie among them are left out.

    Raises:
        InputError: nothing is found, or two images have one name.
    """
    paths = [path] if isinstance(path, str | Path) else list(path)
    if not paths:
        raise InputError("images to predict must be named; got no path; give a file or a folder")
    items = list({str(item.image): item for one in paths for item in _find(one)}.values())
    if len({item.name for item in items}) < len(items):
        items = _rename(items)
    names: dict[str, Item] = {}
    for item in items:
        other = names.setdefault(item.name, item)
        if other is not item:
            raise InputError(
                f"two images must not share a name; got {printable(str(other.image))} and "
                f"{printable(str(item.image))}; rename one"
            )
    return tuple(sorted(items, key=lambda item: natural_key(item.name)))


def natural_key(name: str) -> tuple[list[tuple[int, str]], str]:
    """A key of order in which numbers count as such."""
    parts = _DIGITS.split(name)
    return [(int(part), "") if part.isdecimal() and part.isascii() else (-1, part) for part in parts if part], name


def _find(path: str | Path) -> list[Item]:
    text = os.path.expanduser(str(path))
    if glob.has_magic(text) and not os.path.lexists(text.replace("\0", "")):
        return _find_pattern(text)
    place = find_place(path)
    if place.is_dir():
        return _find_in_folder(place)
    if split_name(place.name)[1] in IMAGE_SUFFIXES:
        return _name(place.parent, [_as_file(place)])
    return read_test_rows(place)


def _find_pattern(text: str) -> list[Item]:
    found = [Path(name) for name in glob.glob(text, recursive=True)] if "\0" not in text else []
    files = [path for path in found if path.is_file() and split_name(path.name)[1] in IMAGE_SUFFIXES]
    if not files:
        raise InputError(f"a pattern must match pictures; got none for {printable(text)}; name a folder or other files")
    return _name(Path(os.path.commonpath([path.parent for path in files])), [_as_file(path) for path in files])


def _find_in_folder(place: Path) -> list[Item]:
    top = scan(place)
    sites = find_sites(top)
    items = build(place, sites, strict=False).items
    tests = [item for item in items if item.side == "test"]
    if tests:
        return [replace(item, mask=None) for item in tests]
    if top.pictures or top.strange:
        return _name(place, _without_masks(list_files(top, deep=False)))
    pairs = [replace(item, mask=None, side="test") for item in items]
    if pairs:
        return pairs
    named = [file for site in sites if site.named for file in list_files(site.images, site.deep)]
    if not named:
        raise InputError(
            f"a folder of images must hold {' or '.join(IMAGE_SUFFIXES)} files; got none in {printable(place)}"
        )
    return _name(place, _without_masks(named))


def _without_masks(files: list[File]) -> list[File]:
    keyed = key_files(files)
    split = split_single(keyed, words_only=True)
    return [file for _, file in (drop_copies(keyed) if split is None else split[0])]


def _as_file(path: Path) -> File:
    return File(path, (), *split_name(path.name), path.parent)


def _name(root: Path, files: list[File]) -> list[Item]:
    return name_items(root, "test", [(file, None) for file in files])


def _rename(items: Iterable[Item]) -> list[Item]:
    """Items of several paths that share names, under the paths of their files."""
    paths = [item.image.path for item in items]
    root = Path(os.path.commonpath([path.absolute().parent for path in paths]))
    return [
        replace(item, name=name_under(root, item.image.path.absolute()))
        if isinstance(item.image, Picture)
        else replace(item, name=f"{name_under(root, item.image.path.absolute())}/{item.name}")
        for item in items
    ]
