"""A data set as it lies on the disk: which image belongs to which mask, before a pixel is read."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from numpy.typing import NDArray

Side = Literal["train", "validation", "test"]
MaskKind = Literal["grey", "palette", "colour"]


@dataclass(frozen=True)
class Picture:
    """A picture file."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)


@dataclass(frozen=True, eq=False)
class Row:
    """One image or mask of an array file."""

    path: Path  # of the file
    index: int
    array: NDArray[Any] = field(repr=False)  # images (N, H, W, C) or masks (N, H, W); any dtype; may be mapped

    def __str__(self) -> str:
        return f"image {self.index} of {self.path}"


Reference = Picture | Row


@dataclass(frozen=True)
class Header:
    """What is known of an image before its pixels are read."""

    height: int  # upright: EXIF's rotation is obeyed
    width: int
    channels: int  # without alpha
    dtype: str  # uint8, uint16, float32, ...


@dataclass(frozen=True, eq=False)
class RawMask:
    """A mask as its file stores it."""

    values: NDArray[Any]  # (H, W) whole numbers: grey values, which may be -1, palette indices, or colours 0xrrggbb
    kind: MaskKind
    palette: tuple[int, ...] = ()  # colours 0xrrggbb by index, where the kind is "palette"


@dataclass(frozen=True)
class Item:
    """An image with its mask."""

    name: str  # unique on its side: the path in its folder without suffix, or the number in its file
    image: Reference
    mask: Reference | None  # None for a test image without labels
    side: Side
    group: str | None = None


@dataclass(frozen=True)
class Source:
    """A data set as it lies on the disk."""

    path: Path
    items: tuple[Item, ...]  # training, then validation, then test; each in the order of the disk's names
    layout: str  # for people: the layout, and by which rule images and masks belong together
    unread: tuple[Path, ...] = ()  # files that are not read
    is_course: bool = False  # the course's npz: five classes, the background ignored

    def side(self, side: Side) -> tuple[Item, ...]:
        """The items of one side."""
        return tuple(item for item in self.items if item.side == side)
