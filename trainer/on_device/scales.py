"""Transforms that take weighted means of pixels: shrinking, lower resolution, blur.

Each is one matrix along the rows and one along the columns, for each image its own: a size that is drawn cannot be the
shape of an array on a device.
"""

import math

from keras import ops

from trainer.config import AugmentConfig
from trainer.on_device.draws import Draws, ImageChange, PairChange, Tensor, for_pixels
from trainer.on_device.sampling import apply_matrices, cover, mirror, pixel_places, take_nearest
from trainer.pipeline.appearance import LEAST, SMALLEST_SIGMA
from trainer.pipeline.geometry import scale_range


def zoom_out(config: AugmentConfig, shape: tuple[int, int, int]) -> PairChange | None:
    """The image shrunk by means of areas to a random size, anywhere in its former frame, between mirrored pixels."""
    smallest, largest = scale_range(config.zoom_out_scale, config.strength, shape)
    if smallest == 1 or not config.zoom_out:
        return None

    def change(images: Tensor, masks: Tensor, draws: Draws) -> tuple[Tensor, Tensor]:
        happens, scale = draws.happens(config.zoom_out), draws.uniform(smallest, largest)
        rows, from_rows = _shrink(shape[0], scale, draws)
        columns, from_columns = _shrink(shape[1], scale, draws)
        shrunk = apply_matrices(images, rows, columns)
        moved = take_nearest(masks, from_rows, ops.transpose(from_columns, (0, 2, 1)))
        return ops.where(for_pixels(happens), shrunk, images), ops.where(happens, moved, masks)

    return change


def _shrink(length: int, scale: Tensor, draws: Draws) -> tuple[Tensor, Tensor]:
    """Along one side: the matrix (B, N, N), and the old pixel, (B, N, 1), whose label each new one has.

    Of an even number a pixel at a random end is left out: of sides shrunk to half, nearest would always be one side.
    """
    kept = length - (length % 2 == 0)
    start = draws.whole(0.0, float(length - kept))
    size = ops.floor(kept * scale)
    before = draws.whole(0.0, length - size)
    pixel = mirror(pixel_places(length, 1) - before, size)  # of the small image
    width = kept / size
    return cover(start + pixel * width, width, length), ops.floor(start + (pixel + 0.5) * width)


def low_resolution(config: AugmentConfig, shape: tuple[int, int, int]) -> ImageChange | None:
    """The image shrunk by means of areas, and enlarged again linearly."""
    smallest, largest = scale_range(config.low_resolution_scale, config.strength, shape)
    if smallest == 1 or not config.low_resolution:
        return None

    def change(images: Tensor, draws: Draws) -> Tensor:
        happens, scale = draws.happens(config.low_resolution), draws.uniform(smallest, largest)
        coarse = apply_matrices(images, _coarsen(shape[0], scale), _coarsen(shape[1], scale))
        return ops.where(for_pixels(happens), coarse, images)

    return change


def _coarsen(length: int, scale: Tensor) -> Tensor:
    """The matrix (B, N, N): each new pixel lies between two of the small image, each the mean of an area."""
    size = ops.round(length * scale)
    width = length / size
    place = ops.clip((pixel_places(length, 1) + 0.5) / width - 0.5, 0.0, size - 1)
    near = ops.floor(place)
    far = ops.minimum(near + 1, size - 1)
    share = place - near
    return (1 - share) * cover(near * width, width, length) + share * cover(far * width, width, length)


def blur(config: AugmentConfig, shape: tuple[int, int, int]) -> ImageChange | None:
    """A Gaussian blur over 3.5 deviations."""
    largest = config.blur_sigma * config.strength
    if not (config.blur and largest):
        return None
    smallest = min(largest, max(SMALLEST_SIGMA, LEAST * largest))

    def change(images: Tensor, draws: Draws) -> Tensor:
        happens, sigma = draws.happens(config.blur), draws.uniform(smallest, largest)
        rows, columns = (_smear(length, sigma, largest) for length in shape[:2])
        return ops.where(for_pixels(happens), apply_matrices(images, rows, columns), images)

    return change


def _smear(length: int, sigma: Tensor, largest: float) -> Tensor:
    """The matrix (B, N, N) of a Gaussian between mirrored pixels.

    In the endless row of mirrored pixels the pixel i is at i and -i, and again every 2 * (N - 1) pixels. The first and
    the last one are their own mirror images, which counts them twice.
    """
    new, old, period = pixel_places(length, 1), pixel_places(length, 2), 2 * (length - 1)
    reach = ops.floor(3.5 * sigma)
    turns = math.ceil((3.5 * largest + length) / period)
    weights = 0.0
    for turn in range(-turns, turns + 1):
        for place in (old + turn * period, turn * period - old):
            step = place - new
            weights += ops.where(ops.abs(step) <= reach, ops.exp(-0.5 * ops.square(step / sigma)), 0.0)
    weights = weights * ops.where(ops.logical_or(old == 0, old == length - 1), 0.5, 1.0)
    return weights / ops.sum(weights, axis=2, keepdims=True)
