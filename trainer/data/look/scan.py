"""Reads every mask once, and the header of every image: all that is known of a data set before it is decoded."""

from dataclasses import dataclass, field

import numpy as np

from trainer.config import DataConfig
from trainer.data.disk.read import read_header, read_mask
from trainer.data.item import Header, Item, MaskKind, RawMask, Reference, Source
from trainer.data.look.counting import MaskCounts, ShrunkPairs, count_values, shrink_pairs
from trainer.data.progress import Progress
from trainer.data.threads import in_threads
from trainer.errors import InputError, printable

_MAX_VALUES = 65_536  # of all masks together that are counted each
_MAX_SET = 4  # values of a mask whose combinations are kept
_SHRUNK = 100  # masks on which the loss by resizing is measured


@dataclass
class ValueCount:
    """How often a value is there."""

    pixels: int = 0
    thin: int = 0  # of the pixels, on lines and edges; see `MaskCounts`
    images: int = 0
    first: int = 0  # labelled item that has it first


@dataclass(frozen=True)
class MaskType:
    """What the values of a mask mean."""

    kind: MaskKind
    palette: tuple[int, ...] = ()
    is_grey: bool = False  # kind "colour": red, green and blue are equal in each pixel


@dataclass
class MaskGroup:
    """Counts over all masks of one type."""

    first: int  # labelled item
    masks: int = 0
    values: dict[int, ValueCount] = field(default_factory=dict)
    sets: dict[frozenset[int], int] = field(default_factory=dict)  # values of a mask, if few -> first item
    other_values: int = 0  # of photographs, at least
    other_pixels: int = 0


@dataclass(frozen=True)
class Scan:
    """What is known of a data set before it is decoded; item numbers are positions in `items`."""

    items: tuple[Item, ...]  # the labelled ones
    headers: tuple[Header, ...]  # of their images
    tests: tuple[Header, ...]  # of the test images that can be read
    unreadable: tuple[str, ...]  # why others cannot
    groups: dict[MaskType, MaskGroup]
    shrunk: tuple[ShrunkPairs, ...]  # of some masks, if the configuration resizes

    def mask(self, item: int) -> Reference:
        """The mask of a labelled item."""
        mask = self.items[item].mask
        assert mask is not None
        return mask


@dataclass(frozen=True)
class _Seen:
    """One labelled item that was read."""

    header: Header
    type: MaskType
    counts: MaskCounts
    shrunk: ShrunkPairs | None


def scan(source: Source, config: DataConfig, progress: Progress) -> Scan:
    """Reads the masks and headers of a data set in threads. Raises InputError for the first that is unusable."""
    items = tuple(item for item in source.items if item.mask is not None)
    if not items:
        raise InputError(f"a data set must have images with masks; got none in {printable(source.path)}; add masks")
    sampled = set(np.linspace(0, len(items) - 1, min(len(items), _SHRUNK)).round().astype(int).tolist())

    def see(position: int) -> _Seen:
        return _see(items[position], config if position in sampled else None)

    groups: dict[MaskType, MaskGroup] = {}
    headers: list[Header] = []
    shrunk: list[ShrunkPairs] = []
    for position, seen in enumerate(in_threads(see, range(len(items)), "masks read", progress)):
        headers.append(seen.header)
        _add(groups.setdefault(seen.type, MaskGroup(position)), seen.counts, position)
        shrunk += [] if seen.shrunk is None else [seen.shrunk]
    tests = [item.image for item in source.items if item.mask is None]
    found = list(in_threads(_try_header, tests, "test images", progress))
    return Scan(
        items=items,
        headers=tuple(headers),
        tests=tuple(header for header in found if isinstance(header, Header)),
        unreadable=tuple(reason for reason in found if isinstance(reason, str)),
        groups=groups,
        shrunk=tuple(shrunk),
    )


def _see(item: Item, shrinks: DataConfig | None) -> _Seen:
    assert item.mask is not None
    header, raw = read_header(item.image), read_mask(item.mask)
    sizes = [f"{height}x{width}" for height, width in ((header.height, header.width), raw.values.shape)]
    if sizes[0] != sizes[1]:
        raise InputError(
            f"an image and its mask must be of one size; got {printable(str(item.image))} {sizes[0]} and "
            f"{printable(str(item.mask))} {sizes[1]}; correct the pair, or leave it out"
        )
    if raw.values.size == 0:
        raise InputError(f"an image must have pixels; got {sizes[0]} for {printable(str(item.image))}; remove it")
    counts = count_values(raw.values)
    size = None if shrinks is None else shrinks.resize
    shrunk = None if size is None or shrinks is None else shrink_pairs(raw, size, shrinks.fit)
    return _Seen(header, _type_of(raw, counts), counts, shrunk)


def _type_of(raw: RawMask, counts: MaskCounts) -> MaskType:
    if raw.kind != "colour":
        return MaskType(raw.kind, raw.palette)
    is_grey = bool((counts.values == (counts.values & 0xFF) * 0x010101).all())
    return MaskType("colour", is_grey=is_grey)


def _add(group: MaskGroup, counts: MaskCounts, position: int) -> None:
    group.masks += 1
    group.other_values = max(group.other_values, counts.other_values)
    group.other_pixels += counts.other_pixels
    if len(counts.values) <= _MAX_SET:
        group.sets.setdefault(frozenset(counts.values.tolist()), position)
    for value, pixels, thin in zip(counts.values.tolist(), counts.pixels.tolist(), counts.thin.tolist(), strict=True):
        if value not in group.values and len(group.values) >= _MAX_VALUES:
            group.other_values += 1
            group.other_pixels += pixels
            continue
        count = group.values.setdefault(value, ValueCount(first=position))
        count.pixels += pixels
        count.thin += thin
        count.images += 1


def _try_header(image: Reference) -> Header | str:
    """The header of a test image, or why there is none: training needs no test image."""
    try:
        return read_header(image)
    except InputError as error:
        return str(error)
