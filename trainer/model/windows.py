"""Windows that cover an image of any size, and the way back from what a network finds in them. NumPy only."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.data.pixels import Image, Pixels
from trainer.errors import InputError

Probabilities = NDArray[np.float32]  # (rows, W, C)
Band = tuple[int, Probabilities]  # first row, and some rows from there
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


def join_windows(grid: Grid, windows: Iterator[Probabilities]) -> Iterator[Band]:
    """From the probabilities (h, w, C) of each window to those of the image, in bands.

    They are means over the windows, whose weight falls towards their edges, where a network sees less around a pixel.
    A row is given as soon as no further window reaches it, so that memory does not grow with the image's height.
    """
    if grid.is_single:
        yield 0, next(windows)[: grid.height, : grid.width]
        return
    side_weights = _ramp(grid.side[0]), _ramp(grid.side[1])
    weight = (side_weights[0][:, None] * side_weights[1])[..., None]
    row_sums = _sum_weights(grid.tops, side_weights[0])
    column_sums = _sum_weights(grid.lefts, side_weights[1])
    sums: Probabilities | None = None
    for top, following in zip(grid.tops, (*grid.tops[1:], grid.tops[-1] + grid.side[0]), strict=True):
        for left in grid.lefts:
            found = next(windows)
            if sums is None:
                sums = np.zeros((grid.side[0], len(column_sums), found.shape[2]), np.float32)
            sums[:, left : left + grid.side[1]] += found * weight
        assert sums is not None
        for start in range(top, min(following, grid.height), BAND_ROWS):
            end = min(start + BAND_ROWS, following, grid.height)
            weights = row_sums[start:end, None, None] * column_sums[: grid.width, None]
            yield start, sums[start - top : end - top, : grid.width] / weights
        _move_up(sums, following - top)


def average_bands(members: Sequence[Iterator[Band]]) -> Iterator[Band]:
    """The mean of the bands of several networks, which may end at different rows. Each covers the same rows."""
    pending = [next(bands)[1] for bands in members]
    first = 0
    while all(map(len, pending)):
        rows = min(map(len, pending))
        total = pending[0][:rows].copy()
        for probabilities in pending[1:]:
            total += probabilities[:rows]
        total /= len(members)
        yield first, total
        first += rows
        pending = [
            found[rows:] if len(found) > rows else next(bands, (0, found[:0]))[1]
            for found, bands in zip(pending, members, strict=True)
        ]


def find_mask(bands: Iterable[Band], size: tuple[int, int], target: NDArray[Any] | None = None) -> Pixels:
    """The most likely classes (H, W) of an image of `size`; `target` (H, W, C) gets the probabilities."""
    mask = np.empty(size, np.uint8)
    for first, probabilities in bands:
        rows = slice(first, first + len(probabilities))
        mask[rows] = probabilities.argmax(-1)
        if target is not None:
            target[rows] = probabilities
    return mask


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
