"""Images and masks as read, and the checks that all readers share."""

import resource
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import psutil
from numpy.typing import NDArray

from trainer.cgroup import memory_left
from trainer.data.pixels import Groups, Pixels, count_labels
from trainer.errors import InputError

_MEMORY_SHARE = 0.8  # of the free memory; training needs the rest
_CHUNK = 2**22  # values checked at a time, to bound the memory that checking needs


@dataclass(frozen=True)
class RawData:
    """A data set before cleaning."""

    images: Pixels  # (N, H, W, C), C = 1 or 3, 0..255
    masks: Pixels  # (N, H, W)
    groups: Groups | None  # (N,)
    test_images: Pixels  # (T, H, W, C), T may be 0
    test_names: tuple[str, ...]  # T of them


def check_memory(needed: int, what: str) -> None:
    """Raises InputError if `needed` bytes exceed most of the memory that this process can still allocate."""
    free = free_bytes()
    if needed > free * _MEMORY_SHARE:
        raise InputError(
            f"{what} must fit in memory; got {needed / 2**30:,.1f} GiB with {free / 2**30:,.1f} GiB free; "
            "use fewer or smaller images"
        )


def free_bytes() -> int:
    """Free memory in bytes, within the limits of the container and of the process (`ulimit -v`) where there are any."""
    available = int(min(psutil.virtual_memory().available, memory_left()))
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return available
    return max(0, min(available, limit - int(psutil.Process().memory_info().vms)))


@contextmanager
def within_memory() -> Iterator[None]:
    """Turns a MemoryError into an InputError; also a decorator."""
    try:
        yield
    except MemoryError as error:
        reason = " ".join(str(error).split()) or "no more"
        raise InputError(
            f"data must fit in memory, and what reading takes; got {reason}; use fewer or smaller images"
        ) from None


def to_pixels(values: NDArray[Any], what: str) -> Pixels:
    """Whole numbers 0..255 of any numeric dtype as uint8, in the same shape; the first axis counts images.

    Raises InputError, with the index of the image, for any other value; `what` names the values in it.
    """
    if values.dtype.kind not in "biuf":
        raise InputError(f"{what} must be numbers; got dtype {values.dtype}; save them as uint8")
    if values.dtype in (np.uint8, np.bool_):
        return np.ascontiguousarray(values).astype(np.uint8, copy=False)
    pixels = np.empty(values.shape, np.uint8)
    step = max(1, _CHUNK // max(1, values[:1].size))
    for start in range(0, len(values), step):
        part = values[start : start + step]
        # NaN fails both comparisons, so it is refused as well.
        bad = ~((part >= 0) & (part <= 255))
        bad |= np.not_equal(part, np.floor(part)) if part.dtype.kind == "f" else False
        if bad.any():
            position = tuple(np.argwhere(bad)[0])
            raise InputError(
                f"{what} must be whole numbers from 0 to 255; got {part[position].item():g} in image "
                f"{start + position[0]}; scale them and save them as uint8"
            )
        pixels[start : start + step] = part.astype(np.uint8)
    return pixels


def check_labels(masks: Pixels, classes: int, ignore: int | None) -> None:
    """Raises InputError if masks (N, H, W) have a label that is neither a class nor ignored, or no scored label."""
    counts = count_labels(masks)
    allowed = np.zeros(256, bool)
    allowed[:classes] = True
    if ignore is not None:
        allowed[ignore] = True
    wrong = np.flatnonzero((counts.sum(axis=0) > 0) & ~allowed)
    if len(wrong):
        label = int(wrong[0])
        images = np.flatnonzero(counts[:, label])
        extra = f" and {ignore} (ignored)" if ignore is not None and ignore >= classes else ""
        raise InputError(
            f"labels must be 0 to {classes - 1}{extra}; got label {label} in {len(images)} masks, the first of image "
            f"{images[0]}; set data.classes or data.ignore, or correct the masks"
        )
    scored = allowed & (np.arange(256) != ignore)
    if not counts[:, scored].any():
        raise InputError(
            f"masks must have pixels of a class that is scored; got only label {ignore}, which is ignored; "
            'set data.ignore, "none" to score every label'
        )


def resize_all(arrays: Sequence[NDArray[Any]] | NDArray[Any], size: tuple[int, int], smooth: bool) -> Pixels:
    """Images (H, W, C) or masks (H, W) at one size (height, width): bilinear if `smooth`, else nearest neighbour."""
    height, width = size
    shape = arrays[0].shape[2:] if len(arrays) else (1,)
    resized = np.empty((len(arrays), height, width, *shape), np.uint8)
    for index, array in enumerate(arrays):
        resized[index] = resize(array, size, smooth).reshape(resized.shape[1:])
    return resized


def resize(array: NDArray[Any], size: tuple[int, int], smooth: bool) -> NDArray[Any]:
    """One image (H, W, C) or mask (H, W) at a size (height, width); see `resize_all`."""
    if array.shape[:2] == tuple(size):
        return array
    # INTER_NEAREST_EXACT samples pixel centres, as bilinear does, so masks are not shifted against their images.
    flag = cv2.INTER_LINEAR if smooth else cv2.INTER_NEAREST_EXACT
    return np.asarray(cv2.resize(array, (size[1], size[0]), interpolation=flag))


def resize_raw(raw: RawData, size: tuple[int, int] | None) -> RawData:
    """The data at a size (height, width); unchanged for None."""
    if size is None or raw.images.shape[1:3] == tuple(size) == raw.test_images.shape[1:3]:
        return raw
    return RawData(
        images=resize_all(raw.images, size, smooth=True),
        masks=resize_all(raw.masks, size, smooth=False),
        groups=raw.groups,
        test_images=resize_all(raw.test_images, size, smooth=True),
        test_names=raw.test_names,
    )
