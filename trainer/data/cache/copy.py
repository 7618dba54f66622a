"""The decoded copy of a data set as files of plain arrays, which all processes of a machine map."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from trainer.data.pixels import Image, Images, Masks

PLACES = 16  # pixels of each class whose places are kept of an image
HASH_BYTES = 32  # of the perceptual hash


@dataclass(frozen=True)
class Table:
    """What is known of N decoded images without looking at their pixels."""

    sizes: NDArray[np.int32]  # (N, 3): height, width, channels
    counts: NDArray[np.uint32]  # (N, 256): pixels of each label
    inner: NDArray[np.bool_]  # (N, 256): whether the mask has the label inside its rim
    places: NDArray[np.int32]  # (N, C, PLACES, 2): rows and columns of pixels of each class; -1 without any
    image_digests: NDArray[np.uint8]  # (N, 16)
    mask_digests: NDArray[np.uint8]  # (N, 16)
    image_hashes: NDArray[np.uint8]  # (N, HASH_BYTES): perceptual ones


@dataclass(frozen=True)
class DecodedCopy:
    """A decoded data set, mapped into memory."""

    images: Images
    masks: Masks
    table: Table
    fingerprint: str


class MappedArrays(Sequence[Any]):
    """Arrays of different shapes, one behind the other in a file."""

    def __init__(self, flat: NDArray[Any], shapes: NDArray[np.int32]) -> None:
        self._flat, self._shapes = flat, shapes
        self._ends = np.cumsum(shapes.prod(axis=1, dtype=np.int64))

    def __len__(self) -> int:
        return len(self._shapes)

    @overload
    def __getitem__(self, index: int) -> Image: ...
    @overload
    def __getitem__(self, index: slice) -> list[Image]: ...
    def __getitem__(self, index: int | slice) -> Image | list[Image]:
        """One array as a view of the file, or a list of them."""
        if isinstance(index, slice):
            return [self[position] for position in range(*index.indices(len(self)))]
        position = range(len(self))[index]
        shape = tuple(int(length) for length in self._shapes[position])
        end = int(self._ends[position])
        view: Image = self._flat[end - int(np.prod(shape, dtype=np.int64)) : end].reshape(shape)
        return view

    def __iter__(self) -> Iterator[Image]:
        return (self[index] for index in range(len(self)))


def write_table(table: Table, folder: Path) -> None:
    """Writes the table to the folder of a copy."""
    for name in Table.__dataclass_fields__:
        np.save(folder / f"{name}.npy", getattr(table, name), allow_pickle=False)


def write_meta(folder: Path, fingerprint: str, dtype: str) -> None:
    """Writes what is not an array to the folder of a copy."""
    (folder / "meta.json").write_text(json.dumps({"fingerprint": fingerprint, "dtype": dtype}), "utf-8")


def open_pixels(folder: Path, sizes: NDArray[np.int32], dtype: str) -> tuple[Images, Masks]:
    """Maps images and masks; as one array each where all sizes are equal."""
    return _open(folder / "images.bin", sizes, dtype), _open(folder / "masks.bin", sizes[:, :2], "uint8")


def open_copy(folder: Path) -> DecodedCopy:
    """Maps a copy."""
    meta = json.loads((folder / "meta.json").read_text("utf-8"))
    arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in Table.__dataclass_fields__}
    table = Table(**arrays)
    images, masks = open_pixels(folder, np.asarray(table.sizes), meta["dtype"])
    return DecodedCopy(images, masks, table, meta["fingerprint"])


def _open(path: Path, shapes: NDArray[np.int32], dtype: str) -> Any:
    flat: NDArray[Any] = np.memmap(path, np.dtype(dtype), "r")
    if (shapes == shapes[:1]).all():
        return flat.reshape((len(shapes), *(int(length) for length in shapes[0])))
    return MappedArrays(flat, shapes)
