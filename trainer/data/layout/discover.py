"""Finds the images and masks of a data set, as it lies on the disk, by names alone: no picture is opened."""

from dataclasses import replace
from pathlib import Path

from trainer.config import DataConfig
from trainer.data.item import Item, Picture, Source
from trainer.data.layout.build import name_under
from trainer.data.layout.folders import Place, read_place, with_items
from trainer.data.layout.groups import group_by_files, group_by_pattern
from trainer.data.layout.images import find_images
from trainer.data.layout.scan import GROUPS_FILE
from trainer.errors import InputError, printable

__all__ = ["find_images", "find_labelled", "find_source"]


def find_source(config: DataConfig) -> Source:
    """The data set of a configuration: the images of its path, or of its two folders, each with mask, side and group.

    Where `config.validation` is a path, its images are the validation side. Raises InputError.
    """
    source = _with_groups(read_place(config), config.groups)
    if not source.side("train"):
        raise InputError(
            f"a data set must have training images with masks; got {_count(source)} in {printable(source.path)}; "
            "name the folder of a part alone to train on it"
        )
    return _with_validation(source, config) if isinstance(config.validation, str) else source


def find_labelled(data: str | Path | DataConfig) -> Source:
    """All images with masks of a path, or of a configuration's path or two folders, whatever their side.

    Names are unique; groups are those of an array file alone. Raises InputError where there are none.
    """
    source = read_place(data if isinstance(data, DataConfig) else DataConfig(path=str(data))).source
    items = _labelled(source)
    if len({item.name for item in items}) < len(items):
        items = [_rename(source.path, item) for item in items]
    found = with_items(source, items)
    return replace(found, unread=tuple(path for path in found.unread if path.name != GROUPS_FILE))


def _labelled(source: Source) -> list[Item]:
    items = [item for item in source.items if item.mask is not None]
    if not items:
        raise InputError(
            f"images to evaluate on must have masks; got {_count(source)} in {printable(source.path)}; add their masks"
        )
    return items


def _rename(root: Path, item: Item) -> Item:
    return replace(item, name=name_under(root, item.image.path)) if isinstance(item.image, Picture) else item


def _with_groups(place: Place, pattern: str | None) -> Source:
    source = place.source
    if pattern is not None:
        return replace(source, items=tuple(group_by_pattern(list(source.items), pattern)))
    if not place.folders:
        return source
    items, read = group_by_files(list(source.items), list(place.folders))
    return replace(source, items=tuple(items), unread=tuple(path for path in source.unread if path not in set(read)))


def _with_validation(source: Source, config: DataConfig) -> Source:
    """The source with the validation side of another path: its training images, else all that have masks."""
    path = str(config.validation)
    place = read_place(DataConfig(path=path))
    labelled = _labelled(place.source)
    chosen = [item for item in labelled if item.side == "train"] or labelled
    if len({item.name for item in chosen}) < len(chosen):
        chosen = [_rename(place.source.path, item) for item in chosen]
    other = with_items(place.source, [replace(item, side="validation") for item in chosen])
    other = _with_groups(replace(place, source=other), config.groups)
    # A part of the data set itself, by its path, is not trained on.
    held = {path for item in other.items for path in _files(item)}
    kept = [item for item in source.items if item.side != "validation" and held.isdisjoint(_files(item))]
    train = [item for item in kept if item.side == "train"]
    if not train:
        raise InputError(
            f"training images must lie apart from those of data.validation; got the same in {printable(source.path)} "
            f"and {printable(path)}; correct one of the paths"
        )
    joined = with_items(source, kept)
    read = held.union(*map(_files, kept))
    unread = [one for one in (*joined.unread, *other.unread) if one.absolute() not in read]
    return replace(
        joined,
        items=(*train, *other.items, *joined.side("test")),
        layout=f"{source.layout}; validation: {other.layout} of {printable(path)}",
        unread=tuple(dict.fromkeys(sorted(unread))),
    )


def _files(item: Item) -> list[Path]:
    return [one.path.absolute() for one in (item.image, item.mask) if isinstance(one, Picture)]


def _count(source: Source) -> str:
    """How many images a source has, for people."""
    counts = [f"{len(source.side(side))} of {side}" for side in ("train", "validation", "test") if source.side(side)]
    return f"images without masks, {' and '.join(counts)}" if not any(i.mask for i in source.items) else (
        " and ".join(counts)
    )  # fmt: skip
