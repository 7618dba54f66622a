"""Images and masks at another size, and predictions back at the size of their image.

`fit` "stretch" changes the aspect where it must; "pad" keeps it, and fills at the bottom and right.
"""

from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

Size = tuple[int, int]  # height, width
Fit = Literal["stretch", "pad"]
_NATIVE = (np.dtype(np.uint8), np.dtype(np.uint16), np.dtype(np.int16), np.dtype(np.float32), np.dtype(np.float64))
_CHANNELS = 4  # that OpenCV resizes at a time


def resize_image(image: NDArray[Any], size: Size, fit: Fit = "stretch") -> NDArray[Any]:
    """An image (H, W, C) of any numeric dtype at a size: averaged where it shrinks, bilinear where it grows.

    An image of that size is returned as it is. What "pad" fills is 0.
    """
    inner = _inner_size(image.shape[:2], size, fit)
    return _fill(_resize_smooth(image, inner), size, 0)


def resize_mask(mask: NDArray[Any], size: Size, fit: Fit = "stretch", fill: int = 0) -> NDArray[Any]:
    """A mask (H, W) at a size, by the nearest pixel; `fill` is the label of what "pad" fills."""
    inner = _inner_size(mask.shape[:2], size, fit)
    return _fill(_resize_nearest(mask, inner), size, fill)


def unresize(prediction: NDArray[Any], size: Size, fit: Fit = "stretch") -> NDArray[Any]:
    """A prediction for a resized image at the image's own size: probabilities (h, w, K), or a mask (h, w)."""
    height, width = _inner_size(size, prediction.shape[:2], fit)
    inner = prediction[:height, :width]
    return _resize_smooth(inner, size) if prediction.dtype.kind == "f" else _resize_nearest(inner, size)


def _inner_size(size: tuple[int, ...], target: tuple[int, ...], fit: Fit) -> Size:
    """The size of what is not filled, when an image of `size` is brought to `target`."""
    if fit == "stretch":
        return target[0], target[1]
    scale = min(target[0] / size[0], target[1] / size[1])
    height, width = (max(1, min(most, round(length * scale))) for length, most in zip(size, target, strict=True))
    return height, width


def _fill(array: NDArray[Any], size: Size, value: int) -> NDArray[Any]:
    if array.shape[:2] == tuple(size):
        return array
    filled = np.full((*size, *array.shape[2:]), value, array.dtype)
    filled[: array.shape[0], : array.shape[1]] = array
    return filled


def _resize_nearest(mask: NDArray[Any], size: Size) -> NDArray[Any]:
    if mask.shape[:2] == tuple(size):
        return mask
    # INTER_NEAREST_EXACT samples pixel centres, as averaging does, so masks are not shifted against their images.
    return np.asarray(cv2.resize(np.ascontiguousarray(mask), size[::-1], interpolation=cv2.INTER_NEAREST_EXACT))


def _resize_smooth(image: NDArray[Any], size: Size) -> NDArray[Any]:
    """An image (H, W) or (H, W, C); each direction that shrinks is averaged before the other grows."""
    if image.shape[:2] == tuple(size):
        return image
    smaller = min(size[0], image.shape[0]), min(size[1], image.shape[1])
    work = image if image.dtype in _NATIVE else image.astype(np.float32 if image.dtype == np.float16 else np.float64)
    work = work[..., None] if image.ndim == 2 else work
    parts = []
    for first in range(0, work.shape[2], _CHANNELS):
        part = np.ascontiguousarray(work[..., first : first + _CHANNELS])
        for step, flag in ((smaller, cv2.INTER_AREA), (size, cv2.INTER_LINEAR)):
            if part.shape[:2] != tuple(step):
                part = cv2.resize(part, step[::-1], interpolation=flag)
                part = part.reshape(*step, -1)  # OpenCV drops a single channel
        parts.append(part)
    resized = np.concatenate(parts, axis=2) if len(parts) > 1 else parts[0]
    resized = resized.round() if image.dtype.kind in "iu" and work.dtype.kind == "f" else resized
    return np.asarray(resized.reshape(*size, *image.shape[2:]).astype(image.dtype, copy=False))
