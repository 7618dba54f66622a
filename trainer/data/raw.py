"""Images and masks as read, and the checks that every reader shares."""

import resource
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import psutil
from numpy.typing import NDArray

from trainer.data.pixels import Groups, Pixels, count_labels
from trainer.errors import InputError

_MEMORY_SHARE = 0.8  # of what is free; training needs the rest
_CHUNK = 2**22  # values checked at a time, so that checking takes little memory of its own


@dataclass(frozen=True)
class RawData:
    """A data set before cleaning."""

    images: Pixels  # (N, H, W, C), C = 1 or 3, 0..255
    masks: Pixels  # (N, H, W)
    groups: Groups | None  # (N,)
    test_images: Pixels  # (T, H, W, C), T may be 0
    test_names: tuple[str, ...]  # T of them


def check_memory(needed: int, what: str) -> None:
    """Refuses `needed` bytes that this machine, or the process's own limit, cannot give."""
    free = free_bytes()
    if needed > free * _MEMORY_SHARE:
        raise InputError(
            f"{what} must fit in memory; got {needed / 2**30:,.1f} GiB with {free / 2**30:,.1f} GiB free; "
            "use fewer or smaller images"
        )


def free_bytes() -> int:
    """Memory that is free, and within the process's limit where it has one (`ulimit -v`)."""
    available, (limit, _) = int(psutil.virtual_memory().available), resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return available
    return max(0, min(available, limit - int(psutil.Process().memory_info().vms)))


@contextmanager
def within_memory() -> Iterator[None]:
    """Memory that runs out all the same is an InputError; also a decorator."""
    try:
        yield
    except MemoryError as error:
        reason = " ".join(str(error).split()) or "no more"
        raise InputError(
            f"data must fit in memory, and what reading takes; got {reason}; use fewer or smaller images"
        ) from None


def to_pixels(values: NDArray[Any], what: str) -> Pixels:
    """Whole numbers 0..255 of any numeric dtype as uint8, same shape; anything else is refused.

    The first axis counts images: a finding names the image.
    """
    if values.dtype.kind not in "biuf":
        raise InputError(f"{what} must be numbers; got dtype {values.dtype}; save them as uint8")
    if values.dtype in (np.uint8, np.bool_):
        return np.ascontiguousarray(values).astype(np.uint8, copy=False)
    pixels = np.empty(values.shape, np.uint8)
    step = max(1, _CHUNK // max(1, values[:1].size))
    for start in range(0, len(values), step):
        part = values[start : start + step]
        # NaN fails both comparisons, so it is caught here too
        bad = ~((part >= 0) & (part <= 255))
        bad |= np.not_equal(part, np.floor(part)) if part.dtype.kind == "f" else False
        if bad.any():
            place = tuple(np.argwhere(bad)[0])
            raise InputError(
                f"{what} must be whole numbers from 0 to 255; got {part[place].item():g} in image {start + place[0]}; "
                "scale them and save them as uint8"
            )
        pixels[start : start + step] = part.astype(np.uint8)
    return pixels


def check_labels(masks: Pixels, classes: int, ignore: int | None) -> None:
    """Refuses masks (N, H, W) with a label that is neither a class nor ignored."""
    counts = count_labels(masks)
    allowed = np.zeros(256, bool)
    allowed[:classes] = True
    if ignore is not None:
        allowed[ignore] = True
    wrong = np.flatnonzero((counts.sum(axis=0) > 0) & ~allowed)
    if len(wrong):
        label = int(wrong[0])
        holders = np.flatnonzero(counts[:, label])
        extra = f" and {ignore} (ignored)" if ignore is not None and ignore >= classes else ""
        raise InputError(
            f"labels must be 0 to {classes - 1}{extra}; got label {label} in {len(holders)} masks, the first of image "
            f"{holders[0]}; set data.classes or data.ignore, or correct the masks"
        )
    scored = allowed & (np.arange(256) != ignore)
    if not counts[:, scored].any():
        raise InputError(
            f"masks must have pixels of a class that is scored; got only label {ignore}, which is ignored; "
            'set data.ignore, "none" to score every label'
        )


def resize_all(arrays: Sequence[NDArray[Any]] | NDArray[Any], size: tuple[int, int], smooth: bool) -> Pixels:
    """Images (H, W, C) or masks (H, W) brought to one size (height, width); bilinear where smooth, else nearest."""
    height, width = size
    shape = arrays[0].shape[2:] if len(arrays) else (1,)
    resized = np.empty((len(arrays), height, width, *shape), np.uint8)
    for place, array in enumerate(arrays):
        resized[place] = resize(array, size, smooth).reshape(resized.shape[1:])
    return resized


def resize(array: NDArray[Any], size: tuple[int, int], smooth: bool) -> NDArray[Any]:
    """One image (H, W, C) or mask (H, W) at (height, width)."""
    if array.shape[:2] == tuple(size):
        return array
    # INTER_NEAREST_EXACT takes the pixel nearest to the centre, so masks do not shift against bilinear images
    flag = cv2.INTER_LINEAR if smooth else cv2.INTER_NEAREST_EXACT
    return np.asarray(cv2.resize(array, (size[1], size[0]), interpolation=flag))


def resize_raw(raw: RawData, size: tuple[int, int] | None) -> RawData:
    """The data at (height, width), or as they are for None."""
    if size is None or raw.images.shape[1:3] == tuple(size) == raw.test_images.shape[1:3]:
        return raw
    return RawData(
        images=resize_all(raw.images, size, smooth=True),
        masks=resize_all(raw.masks, size, smooth=False),
        groups=raw.groups,
        test_images=resize_all(raw.test_images, size, smooth=True),
        test_names=raw.test_names,
    )
