"""Windows that cover an image of any size, and the way back from what a network finds in them. NumPy only."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.data.pixels import Image
from trainer.errors import InputError

Probabilities = NDArray[np.float32]  # (rows, W, C)
BAND_ROWS = 64  # most rows of probabilities at a time


@dataclass(frozen=True, eq=False)
class Grid:
    """The windows of one image, row by row; a smaller image has one, which reaches beyond its bottom and right."""

    height: int  # of the image
    width: int
    side: tuple[int, int]  # height and width of a window
    tops: tuple[int, ...]
    lefts: tuple[int, ...]

    @property
    def is_single(self) -> bool:
        """Whether one window covers the image."""
        return len(self.tops) == len(self.lefts) == 1


def make_grid(image: Image, side: tuple[int, int], overlap: float) -> Grid:
    """The windows that cover an image (H, W, C); neighbours share at least `overlap` (0..0.9) of their sides."""
    height, width = image.shape[:2]
    return Grid(height, width, side, _starts(height, side[0], overlap), _starts(width, side[1], overlap))


def _starts(length: int, side: int, overlap: float) -> tuple[int, ...]:
    """Evenly spaced starts of windows from 0 to the last that fits."""
    step = max(1, int(side * (1 - overlap)))
    beyond = max(0, length - side)
    return tuple(np.linspace(0, beyond, 1 - (-beyond // step)).round().astype(int).tolist())


def cut_windows(image: Image, grid: Grid, shape: tuple[int, int, int], dtype: str) -> Iterator[NDArray[Any]]:
    """The windows of an image (H, W, C), each of the `shape` and `dtype` that a network takes; 0 beyond the image."""
    if image.shape[2] != shape[2]:
        raise InputError(f"images must have {shape[2]} channels as in training; got {image.shape[2]}; convert them")
    for top in grid.tops:
        for left in grid.lefts:
            found = image[top : top + shape[0], left : left + shape[1]]
            if dtype == "uint8" and found.dtype != np.uint8:
                found = found.astype(np.float32).round().clip(0, 255)
            window = np.zeros(shape, dtype)
            window[: found.shape[0], : found.shape[1]] = found
            yield window


def join_windows(grid: Grid, logits: Iterator[NDArray[np.float32]]) -> Iterator[tuple[int, Probabilities]]:
    """From the logits (h, w, C) of each window to the image's probabilities: the first row, and (rows, W, C).

    They are means over the windows, whose weight falls towards their edges, where a network sees less around a pixel.
    A row is given as soon as no further window reaches it, so that memory does not grow with the image's height.
    """
    side_weights = _ramp(grid.side[0]), _ramp(grid.side[1])
    weight = (side_weights[0][:, None] * side_weights[1])[..., None]
    row_sums = _sum_weights(grid.tops, side_weights[0])
    column_sums = _sum_weights(grid.lefts, side_weights[1])
    sums: Probabilities | None = None
    for top, following in zip(grid.tops, (*grid.tops[1:], grid.tops[-1] + grid.side[0]), strict=True):
        for left in grid.lefts:
            found = _softmax(next(logits))
            if sums is None:
                sums = np.zeros((grid.side[0], len(column_sums), found.shape[2]), np.float32)
            sums[:, left : left + grid.side[1]] += found * weight
        assert sums is not None
        for start in range(top, min(following, grid.height), BAND_ROWS):
            end = min(start + BAND_ROWS, following, grid.height)
            weights = row_sums[start:end, None, None] * column_sums[: grid.width, None]
            yield start, sums[start - top : end - top, : grid.width] / weights
        _move_up(sums, following - top)


def _move_up(sums: Probabilities, rows: int) -> None:
    """Moves an array up by some rows, in place; zeros follow. In pieces, for NumPy would copy what overlaps."""
    for start in range(0, len(sums) - rows, rows):
        piece = sums[start + rows : start + 2 * rows]
        sums[start : start + len(piece)] = piece
    sums[len(sums) - rows :] = 0


def _ramp(side: int) -> NDArray[np.float32]:
    """Weights along a side of a window: 1 in the middle, falling linearly, and above 0 at the edges."""
    rising = np.arange(1, side + 1)
    return (np.minimum(rising, rising[::-1]) / ((side + 1) // 2)).astype(np.float32)


def _sum_weights(starts: tuple[int, ...], ramp: NDArray[np.float32]) -> NDArray[np.float32]:
    """The sum of the weights that each row or column gets from all windows."""
    sums = np.zeros(starts[-1] + len(ramp), np.float32)
    for start in starts:
        sums[start : start + len(ramp)] += ramp
    return sums


def _softmax(logits: NDArray[np.float32]) -> Probabilities:
    """Probabilities (h, w, C) of logits; that of a masked class, whose logit is -1e4, is exactly 0."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True), np.float32)
