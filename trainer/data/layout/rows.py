"""The images of an array file."""

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from trainer.data.disk.arrays import Arrays, read_arrays
from trainer.data.item import Item, Row, Side, Source
from trainer.errors import InputError, printable


def read_rows(path: Path) -> Source:
    """The labelled images and the test images of an npz or npy file, with its groups. Raises InputError."""
    arrays = read_arrays(path)
    assert arrays.masks is not None
    groups = None if arrays.groups is None else [str(group).strip() for group in arrays.groups]
    items = _rows(path, arrays.names, arrays.images, "train", arrays.masks, groups)
    items += _rows(path, arrays.test_names, arrays.test_images, "test")
    return Source(path, tuple(items), "arrays of images and masks", is_course=arrays.is_course)


def read_test_rows(path: Path) -> list[Item]:
    """The test images of an array file, or all images where it has no masks. Raises InputError where it has neither."""
    arrays: Arrays = read_arrays(path, require_masks=False)
    if len(arrays.test_images):
        return _rows(path, arrays.test_names, arrays.test_images, "test")
    if arrays.masks is None and len(arrays.images):
        return _rows(path, arrays.names, arrays.images, "test")
    raise InputError(
        f"test images must lie under the key test_set or test_images; got none in {printable(path)}; add them, or "
        "save images alone"
    )


def _rows(
    path: Path, names: tuple[str, ...], images: NDArray[Any], side: Side,
    masks: NDArray[Any] | None = None, groups: list[str] | None = None,
) -> list[Item]:  # fmt: skip
    return [
        Item(
            names[index] if names else str(index),
            Row(path, index, images),
            None if masks is None else Row(path, index, masks),
            side,
            None if groups is None else groups[index],
        )
        for index in range(len(images))
    ]
