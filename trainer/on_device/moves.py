"""Transforms that move an image and its mask alike, as in `trainer/pipeline/geometry.py`: where each pixel comes from.

Flips, quarter turns, crops, rotations and elastic deformations are joined to one place for each new pixel, so that an
image is interpolated once. Shrinking, which takes means of areas, is in `scales.py`.
"""

import math
from collections.abc import Callable
from itertools import accumulate

import numpy as np
from keras import ops
from numpy.typing import NDArray

from trainer.config import AugmentConfig
from trainer.on_device.draws import Draws, PairChange, Tensor
from trainer.on_device.sampling import mirror, pixel_places, take_linear, take_nearest
from trainer.pipeline.geometry import SMALLEST_SCALE

# (rows, columns, draws) -> where these places of the new image lie in the old one; shapes up to (B, H, W)
Origin = Callable[[Tensor, Tensor, Draws], tuple[Tensor, Tensor]]
Shape = tuple[int, int, int]


def make_warp(config: AugmentConfig, shape: Shape) -> PairChange | None:
    """All but shrinking, in the pipeline's order; None if nothing moves."""
    origins = [flips(config, shape), quarter_turn(config, shape), geometric(config, shape), elastic(config, shape)]
    backwards = [origin for origin in reversed(origins) if origin]
    if not backwards:
        return None

    def warp(images: Tensor, masks: Tensor, draws: Draws) -> tuple[Tensor, Tensor]:
        rows, columns = pixel_places(shape[0], 1), pixel_places(shape[1], 2)
        for origin in backwards:
            rows, columns = origin(rows, columns, draws)
        return take_linear(images, rows, columns), take_nearest(masks, rows, columns)

    return warp


def flips(config: AugmentConfig, shape: Shape) -> Origin | None:
    """Horizontal and vertical flips, independent of each other."""
    if not (config.flip_horizontal or config.flip_vertical):
        return None

    def origin(rows: Tensor, columns: Tensor, draws: Draws) -> tuple[Tensor, Tensor]:
        rows = ops.where(draws.happens(config.flip_vertical), shape[0] - 1 - rows, rows)
        return rows, ops.where(draws.happens(config.flip_horizontal), shape[1] - 1 - columns, columns)

    return origin


def quarter_turn(config: AugmentConfig, shape: Shape) -> Origin | None:
    """A rotation by 90 degrees about the middle, to a whole pixel, either way."""
    if not config.quarter_turn:
        return None
    height, width, _ = shape
    shift = (width - height) // 2 if width >= height else -((height - width) // 2)

    def origin(rows: Tensor, columns: Tensor, draws: Draws) -> tuple[Tensor, Tensor]:
        turns, clockwise = draws.happens(config.quarter_turn), draws.happens(0.5)
        row, column = mirror(columns - shift, height), mirror(rows + shift, width)
        row = ops.where(clockwise, height - 1 - row, row)
        column = ops.where(clockwise, column, width - 1 - column)
        return ops.where(turns, row, rows), ops.where(turns, column, columns)

    return origin


def geometric(config: AugmentConfig, shape: Shape) -> Origin | None:
    """One of crop, rotation with shift, and flips, drawn by their weights."""
    height, width, _ = shape
    weights = (config.crop, config.affine, config.one_of_flip_horizontal, config.one_of_flip_vertical)
    if not (config.geometric and any(weights)):
        return None
    ends = [config.geometric * end / sum(weights) for end in accumulate(weights)]
    smallest = max(SMALLEST_SCALE, 1 - (1 - config.crop_area) * config.strength)
    radians = math.radians(min(180.0, config.rotate_degrees * config.strength))
    shift = min(0.5, config.shift * config.strength)

    def origin(rows: Tensor, columns: Tensor, draws: Draws) -> tuple[Tensor, Tensor]:
        drawn = draws.uniform()
        crops, turns, flips_columns, flips_rows = (
            ops.logical_and(begin <= drawn, drawn < end) for begin, end in zip([0.0, *ends[:-1]], ends, strict=True)
        )
        new_rows, new_columns = rows, columns
        if config.affine:
            angle = draws.uniform(-radians, radians)
            # To whole pixels, so that a shift alone interpolates nothing.
            down, right = (ops.trunc(draws.uniform(-shift, shift) * length) for length in (height, width))
            y, x = rows - (height - 1) / 2 - down, columns - (width - 1) / 2 - right
            turned = x * ops.sin(angle) + y * ops.cos(angle), x * ops.cos(angle) - y * ops.sin(angle)
            new_rows = ops.where(turns, turned[0] + (height - 1) / 2, new_rows)
            new_columns = ops.where(turns, turned[1] + (width - 1) / 2, new_columns)
        if config.crop:
            side = ops.sqrt(draws.uniform(smallest, 1.0))
            new_rows = ops.where(crops, _crop(rows, height, side, draws), new_rows)
            new_columns = ops.where(crops, _crop(columns, width, side, draws), new_columns)
        if config.one_of_flip_horizontal:
            new_columns = ops.where(flips_columns, width - 1 - columns, new_columns)
        if config.one_of_flip_vertical:
            new_rows = ops.where(flips_rows, height - 1 - rows, new_rows)
        return mirror(new_rows, height), mirror(new_columns, width)

    return origin


def _crop(places: Tensor, length: int, side: Tensor, draws: Draws) -> Tensor:
    """Where places lie that show a part of so many pixels times `side`; its first pixel is drawn."""
    part = ops.maximum(ops.round(length * side), 1.0)
    first = draws.whole(0.0, length - part)
    return first + ops.clip((places + 0.5) * part / length - 0.5, 0.0, part - 1)


def elastic(config: AugmentConfig, shape: Shape) -> Origin | None:
    """Smoothed random displacements (Simard et al. 2003), the largest before smoothing being `elastic_alpha`."""
    alpha = config.elastic_alpha * config.strength
    if not (config.elastic and alpha):
        return None
    height, width, _ = shape
    smooth_rows, smooth_columns = (smoothing(length, config.elastic_sigma) for length in (height, width))

    def origin(rows: Tensor, columns: Tensor, draws: Draws) -> tuple[Tensor, Tensor]:
        happens = draws.happens(config.elastic)
        noise = draws.normal((happens.shape[0], 2, height, width))
        noise = noise / ops.max(ops.abs(noise), axis=(1, 2, 3), keepdims=True)
        smooth = ops.einsum("ij,bkhj->bkhi", smooth_columns, ops.einsum("ij,bkjw->bkiw", smooth_rows, noise))
        down, right = (ops.where(happens, alpha * smooth[:, axis], 0.0) for axis in (0, 1))
        return mirror(rows + down, height), mirror(columns + right, width)

    return origin


def smoothing(length: int, sigma: float) -> NDArray[np.float32]:
    """Weights, (`length`, `length`) new x old, of a Gaussian over four deviations; the last pixel goes on beyond."""
    reach = (round(8 * sigma + 1) | 1) // 2  # as OpenCV chooses it for floating-point numbers
    steps = np.arange(-reach, reach + 1)
    kernel = np.exp(-0.5 * (steps / sigma) ** 2)
    matrix = np.zeros((length, length))
    new, step = np.meshgrid(np.arange(length), steps, indexing="ij")
    np.add.at(matrix, (new, np.clip(new + step, 0, length - 1)), (kernel / kernel.sum())[None])
    return matrix.astype(np.float32)
