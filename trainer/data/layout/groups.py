"""The group of each image: from `groups.csv`, or from its name by a regular expression."""

import csv
import re
from dataclasses import replace
from pathlib import Path

from trainer.data.item import Item, Picture
from trainer.data.layout.files import normal
from trainer.data.layout.scan import GROUPS_FILE, Folder
from trainer.errors import InputError, printable


def group_by_pattern(items: list[Item], pattern: str) -> list[Item]:
    """Items with what the first group of a regular expression, or all of it, matches in their names as their group.

    Raises InputError for an invalid expression, and for the name of a training image that it does not match.
    """
    try:
        expression = re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise InputError(
            f"data.groups must be a regular expression; got {pattern!r}: {str(error).splitlines()[0]}; correct it"
        ) from None
    grouped = []
    for item in items:
        found = expression.search(item.name)
        group = found and normal(found.group(1) or "" if expression.groups else found.group())
        if not group and item.side == "train":
            raise InputError(
                f"data.groups must match every image's name; got none in {printable(item.name)} for {pattern!r}; "
                "correct the expression"
            )
        grouped.append(replace(item, group=group or None))
    return grouped


def group_by_files(items: list[Item], folders: list[Folder]) -> tuple[list[Item], list[Path]]:
    """Items with the groups of the nearest `groups.csv` above them, and the files that were read.

    Raises InputError for a file that cannot be read, and for a training image that has no line.
    """
    files = {one.path: one.path / GROUPS_FILE for one in folders if GROUPS_FILE in one.others}
    if not files:
        return items, []
    read: dict[Path, dict[str, str]] = {}
    grouped = []
    for item in items:
        assert isinstance(item.image, Picture)
        path = item.image.path
        nearest = next((files[folder] for folder in path.parents if folder in files), None)
        if nearest is None:
            grouped.append(item)
            continue
        if nearest not in read:
            read[nearest] = _read(nearest)
        group = _find(read[nearest], item, path, nearest.parent)
        if group is None and item.side == "train":
            raise InputError(
                f"every image must have a group; got none for {printable(path.name)} in {printable(nearest)}; "
                "add a line for it"
            )
        grouped.append(replace(item, group=group))
    return grouped, list(read)


def _find(named: dict[str, str], item: Item, path: Path, folder: Path) -> str | None:
    """The group of an image, whose name may have its suffix and its folders or not."""
    below = path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.name
    names = (item.name + path.suffix, item.name, below, below.removesuffix(path.suffix), path.name, path.stem)
    return next((named[name] for name in map(normal, names) if name in named), None)


def _read(path: Path) -> dict[str, str]:
    """The group of each name in a file."""
    if not path.is_file():
        raise InputError(f"groups.csv must be a plain file; got {printable(path)}, which is none; remove it")
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            rows = list(csv.DictReader(lines))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        raise InputError(
            f"groups.csv must be readable UTF-8 text; got {printable(path)}: {first}; correct it"
        ) from None
    if not rows or not {"name", "group"} <= rows[0].keys():
        raise InputError(
            f"groups.csv must have the columns name and group; got {printable(path)}; write them in its first line"
        )
    named: dict[str, str] = {}
    for row in rows:
        name, group = normal(row["name"] or ""), normal(row["group"] or "")
        if name and group and named.setdefault(name, group) != group:
            raise InputError(
                f"an image must have one group; got {printable(named[name])} and {printable(group)} for "
                f"{printable(name)} in {printable(path)}; remove a line"
            )
    return named
