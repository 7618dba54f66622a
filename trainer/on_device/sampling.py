"""Images and masks at places between their pixels, and by matrices along their rows and columns."""

import numpy as np
from keras import ops

from trainer.on_device.draws import Tensor


def pixel_places(length: int, axis: int) -> Tensor:
    """The middles of pixels, 0 to `length` - 1, along an axis of (1, H, W)."""
    shape = [1, 1, 1]
    shape[axis] = length
    return ops.convert_to_tensor(np.arange(length, dtype=np.float32).reshape(shape))


def mirror(places: Tensor, length: Tensor) -> Tensor:
    """Places beyond the first and last pixel, mirrored at its middle as often as needed: OpenCV's BORDER_REFLECT_101.

    `length` is a number of pixels, 2 or more.
    """
    last = length - 1
    return last - ops.abs(last - ops.mod(places, 2 * last))


def take_linear(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Images (B, H, W, C) at places within them, interpolated linearly; rows and columns have shapes up to (B, H, W).

    A place in the middle of a pixel gives its exact value.
    """
    batch, height, width, channels = images.shape
    flat = ops.reshape(images, (batch * height * width, channels))
    top, left = ops.floor(rows), ops.floor(columns)
    bottom, right = ops.minimum(top + 1, height - 1), ops.minimum(left + 1, width - 1)
    down, across = ops.expand_dims(rows - top, -1), ops.expand_dims(columns - left, -1)

    def blend(row: Tensor) -> Tensor:
        first, second = (ops.take(flat, _flat_index(images, row, column), axis=0) for column in (left, right))
        return first + across * (second - first)

    upper, lower = blend(top), blend(bottom)
    return upper + down * (lower - upper)


def take_nearest(masks: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Masks (B, H, W) at the pixels nearest to places within them."""
    index = _flat_index(masks, ops.floor(rows + 0.5), ops.floor(columns + 0.5))
    return ops.take(ops.reshape(masks, (-1,)), index, axis=0)


def _flat_index(pixels: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Where pixels of whole rows and columns lie in all pixels of the batch, (B, H, W)."""
    batch, height, width = pixels.shape[:3]
    first = np.arange(batch, dtype=np.int32)[:, None, None] * (height * width)
    places = ops.cast(rows, "int32") * width + ops.cast(columns, "int32")
    return ops.broadcast_to(places + first, (batch, height, width))


def apply_matrices(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Each new row a weighted sum of rows, by a matrix (B, H, H) new x old, and so each column, (B, W, W)."""
    return ops.einsum("bij,bhjc->bhic", columns, ops.einsum("bij,bjwc->biwc", rows, images))


def cover(first: Tensor, width: Tensor, length: int) -> Tensor:
    """Shares of pixels in intervals: (B, N, 1) where they begin, (B, 1, 1) how wide they are -> (B, N, `length`)."""
    pixels = pixel_places(length, 2)
    overlap = ops.minimum(pixels + 1, first + width) - ops.maximum(pixels, first)
    return ops.maximum(overlap, 0.0) / width
