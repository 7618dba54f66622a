"""The data set in a folder, or in a folder of images and one of masks; without groups."""

from dataclasses import dataclass, replace
from pathlib import Path

from trainer.config import DataConfig
from trainer.data.item import Item, Picture, Source
from trainer.data.layout.build import Found, build
from trainer.data.layout.nothing import nothing_fits
from trainer.data.layout.place import find_folder, find_place, is_array_file
from trainer.data.layout.rows import read_rows
from trainer.data.layout.scan import Folder, scan
from trainer.data.layout.sites import Site, find_sites
from trainer.errors import InputError, printable


@dataclass(frozen=True)
class Place:
    """A data set and the folders in which it lies; none for a file of arrays."""

    source: Source
    folders: tuple[Folder, ...] = ()


def read_place(config: DataConfig) -> Place:
    """The data set of `config.path`, or of `config.images` and `config.masks`. Raises InputError."""
    if config.images is not None or config.masks is not None:
        return _read_apart(config)
    if config.path is None:
        raise InputError(
            "a data set must be named; got no data.path; give --data PATH, or --images DIR and --masks DIR"
        )
    place = find_place(config.path)
    return Place(read_rows(place)) if place.is_file() else _read_folder(place)


def with_items(source: Source, items: list[Item]) -> Source:
    """The source with other items; files that only the former ones had are unread."""
    left = _used(source.items) - _used(tuple(items))
    return replace(source, items=tuple(items), unread=tuple(sorted({*source.unread, *left})))


def _read_folder(place: Path) -> Place:
    top = scan(place)
    arrays = [] if top.count else [path for path in top.files() if is_array_file(path)]
    if len(arrays) == 1:
        others = tuple(sorted(path for path in top.files() if path != arrays[0]))
        return Place(replace(read_rows(arrays[0]), path=place, unread=others))
    found = build(place, find_sites(top))
    if not found.items:
        raise nothing_fits(top)
    return Place(_as_source(place, found, [top]), tuple(top.walk()))


def _read_apart(config: DataConfig) -> Place:
    if config.path is not None or config.images is None or config.masks is None:
        given = [key for key in ("path", "images", "masks") if getattr(config, key) is not None]
        raise InputError(
            f"data.images and data.masks must be given together, without data.path; got {' and '.join(given)}; "
            "give --data PATH, or --images DIR and --masks DIR"
        )
    images, masks = scan(find_folder(config.images, "images")), scan(find_folder(config.masks, "masks"))
    for top, key in ((images, "images"), (masks, "masks")):
        if not top.count:
            raise InputError(f"data.{key} must hold pictures; got none in {printable(top.path)}; correct the path")
    beside = _beside(images.path)
    same = images.path.samefile(masks.path)
    found = build(images.path, [Site(beside, images, () if same else (masks,), None)])
    if not found.items:
        raise nothing_fits(images)
    source = _as_source(images.path, found, [images] if same else [images, masks])
    return Place(source, (beside, *images.walk(), *masks.walk()))


def _beside(folder: Path) -> Folder:
    """The folder that another lies in, with the names of its own files alone: it may hold much else."""
    try:
        names = sorted(path.name for path in folder.parent.iterdir() if not path.is_dir())
    except OSError:
        names = []
    return Folder(folder.parent, others=names)


def _as_source(place: Path, found: Found, tops: list[Folder]) -> Source:
    items = tuple(found.items)
    used = _used(items) | set(found.lists)
    unread = {path for top in tops for path in top.files()} - used
    return Source(place, items, "; ".join(found.rules), tuple(sorted(unread)))


def _used(items: tuple[Item, ...]) -> set[Path]:
    return {one.path for item in items for one in (item.image, item.mask) if isinstance(one, Picture)}
