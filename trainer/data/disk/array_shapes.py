"""Which axes of an array are height, width and channels, and masks that are one-hot."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.errors import InputError

MAX_CHANNELS = 16
_MAX_CLASSES = 256
_CHUNK = 2**22  # values checked at a time, to bound the memory that checking needs


def as_images(values: NDArray[Any], what: str, channels: int | None = None) -> NDArray[Any]:
    """(N, H, W), (N, H, W, C) or (N, C, H, W) as a view (N, H, W, C). Raises InputError.

    Where the axes may be either, those with this number of channels are taken, else the last.
    """
    check_numbers(values, f"pixels of {what}")
    views = _image_views(values)
    if not views:
        raise InputError(
            f"{what} must be of shape (N, H, W) or (N, H, W, C) with 1 to {MAX_CHANNELS} channels; "
            f"got {values.shape}; save them so"
        )
    return next((view for view in views if view.shape[3] == channels), views[0])


def as_pair(images: NDArray[Any], masks: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Images as (N, H, W, C), and their masks as (N, H, W), or (N, H, W, 3) where they are colours.

    Axes are taken such that sizes agree. Raises InputError.
    """
    for image_view in _image_views(images):
        for mask_view in _mask_views(masks):
            if image_view.shape[:3] == mask_view.shape[:3]:
                check_numbers(images, "pixels of images")
                check_numbers(masks, "mask labels")
                if images.size == 0:
                    raise InputError(f"a data set must have at least one image with pixels; got shape {images.shape}")
                return image_view, _as_masks(mask_view)
    raise InputError(
        f"every image must have a mask of its size; got images {images.shape} and masks {masks.shape}; "
        f"save images as (N, H, W) or (N, H, W, C) with 1 to {MAX_CHANNELS} channels and masks as (N, H, W)"
    )


def check_numbers(values: NDArray[Any], what: str) -> None:
    """Raises InputError for text, dates, complex numbers and the like."""
    if values.dtype.kind not in "biuf":
        raise InputError(f"{what} must be numbers; got dtype {values.dtype}; save them as uint8")


def _image_views(values: NDArray[Any]) -> list[NDArray[Any]]:
    """What the array may be as (N, H, W, C), the likelier first."""
    if values.ndim == 3:
        return [values[..., None]]
    return _views(values, MAX_CHANNELS)


def _mask_views(values: NDArray[Any]) -> list[NDArray[Any]]:
    """What the array may be as (N, H, W) or (N, H, W, K)."""
    return [values] if values.ndim == 3 else _views(values, _MAX_CLASSES)


def _views(values: NDArray[Any], channels: int) -> list[NDArray[Any]]:
    if values.ndim != 4:
        return []
    views = [values, np.moveaxis(values, 1, 3)]
    return [view for view in views if 1 <= view.shape[3] <= channels]


def _as_masks(masks: NDArray[Any]) -> NDArray[Any]:
    """(N, H, W), (N, H, W, 1), one-hot or colours (N, H, W, K) as classes (N, H, W) or colours (N, H, W, 3)."""
    if masks.ndim == 3:
        return masks
    if masks.shape[3] == 1:
        return masks[..., 0]
    classes = _decode_one_hot(masks)
    if classes is not None:
        return classes
    if masks.shape[3] == 3 and masks.dtype.kind != "b":
        return masks
    raise InputError(
        f"masks of {masks.shape[3]} channels must have exactly one 1 in every pixel, of its class; "
        f"got others in shape {masks.shape}; save one label a pixel as (N, H, W)"
    )


def _decode_one_hot(masks: NDArray[Any]) -> NDArray[np.uint8] | None:
    """The class of each pixel (N, H, W); None where a pixel has not exactly one 1, or 255, among zeros."""
    classes = np.empty(masks.shape[:3], np.uint8)
    step = max(1, _CHUNK // masks[0].size)
    one = masks[0].max()
    if one not in (1, 255):
        return None
    for start in range(0, len(masks), step):
        part = masks[start : start + step]
        set_here = part == one
        if not ((set_here.sum(axis=3) == 1) & ((part != 0).sum(axis=3) == 1)).all():
            return None
        classes[start : start + step] = set_here.argmax(axis=3)
    return classes
