"""Counts of the values in one mask, and of what a smaller copy of it loses."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.data.item import RawMask

Size = tuple[int, int]  # height, width
MAX_COUNTED = 4096  # values of one mask that are counted each; a photograph has many more
_CHUNK = 2**20  # values of 8 bits counted at a time: counting makes 64 of them
_MAX_SPAN = 2**31  # between two values, so that a pair of them fits in 64 bits


@dataclass(frozen=True, eq=False)
class MaskCounts:
    """The values of a mask with the pixels of each, K of them; further ones of a photograph are only summed."""

    values: NDArray[np.int64]  # (K,)
    pixels: NDArray[np.int64]  # (K,)
    thin: NDArray[np.int64]  # (K,) of them on lines and edges: a pixel beside, below or across has another value
    other_values: int = 0
    other_pixels: int = 0


@dataclass(frozen=True, eq=False)
class ShrunkPairs:
    """Pairs of the values at each pixel of a mask, before and after it was made small and large again."""

    before: RawMask  # values (1, K)
    after: RawMask
    pixels: NDArray[np.int64]  # (K,)


def count_values(values: NDArray[Any]) -> MaskCounts:
    """The values of a mask (H, W) of whole numbers; those of most pixels if there are more than MAX_COUNTED."""
    found, pixels = _count(values.ravel())
    thin = np.zeros(len(found), np.int64)
    edges, edge_pixels = _count(values[~_is_solid(values)])
    thin[np.searchsorted(found, edges)] = edge_pixels
    if len(found) <= MAX_COUNTED:
        return MaskCounts(found, pixels, thin)
    kept = np.sort(np.argsort(-pixels, kind="stable")[:MAX_COUNTED])
    other_pixels = int(pixels.sum() - pixels[kept].sum())
    return MaskCounts(found[kept], pixels[kept], thin[kept], len(found) - MAX_COUNTED, other_pixels)


def _count(values: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Values in ascending order and how often each is there; fast where equal ones stand together, as in masks."""
    if values.size == 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    if values.dtype == np.uint8:
        parts = (values[start : start + _CHUNK] for start in range(0, values.size, _CHUNK))
        counts = np.sum([np.bincount(part, minlength=256) for part in parts], axis=0)
        return np.flatnonzero(counts), counts[counts > 0]
    starts = np.concatenate([[0], np.flatnonzero(values[1:] != values[:-1]) + 1])
    lengths = np.diff(np.append(starts, values.size))
    found, inverse = np.unique(values[starts], return_inverse=True)
    return found.astype(np.int64), np.bincount(inverse.ravel(), lengths).astype(np.int64)


def _is_solid(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether a pixel (H, W) is in a square of 2x2 equal ones, which edges of one pixel's width never are."""
    same = values[:-1, :-1] == values[1:, :-1]
    same &= values[:-1, :-1] == values[:-1, 1:]
    same &= values[:-1, :-1] == values[1:, 1:]
    solid = np.zeros(values.shape, np.bool_)
    for rows in (slice(None, -1), slice(1, None)):
        for columns in (slice(None, -1), slice(1, None)):
            solid[rows, columns] |= same
    return solid


def shrink_pairs(raw: RawMask, size: Size, fit: str) -> ShrunkPairs | None:
    """What becomes of each pixel when the mask is resized to `size` and back, both times by nearest neighbours.

    None for a mask whose values lie so far apart that they cannot be labels.
    """
    low, high = int(raw.values.min()), int(raw.values.max())
    if high - low >= _MAX_SPAN:
        return None
    inner = inner_size(raw.values.shape, size, fit)
    rows, columns = (_round_trip(*lengths) for lengths in zip(raw.values.shape, inner, strict=True))
    after = raw.values[rows[:, None], columns[None]]
    keys, pixels = _count(((raw.values.astype(np.int64) - low) * (high - low + 1) + (after - low)).ravel())
    before_values, after_values = np.divmod(keys, high - low + 1)
    return ShrunkPairs(
        before=RawMask((before_values + low)[None], raw.kind, raw.palette),
        after=RawMask((after_values + low)[None], raw.kind, raw.palette),
        pixels=pixels,
    )


def inner_size(shape: tuple[int, ...], size: Size, fit: str) -> Size:
    """The part of a picture of `size` (height, width) that an image of `shape` fills."""
    if fit == "stretch":
        return size
    factor = min(size[0] / shape[0], size[1] / shape[1])
    return max(1, round(shape[0] * factor)), max(1, round(shape[1] * factor))


def _round_trip(length: int, small: int) -> NDArray[np.int64]:
    """For each of `length` places the place whose value it has after resizing to `small` and back."""
    there = ((np.arange(length) + 0.5) * small / length).astype(np.int64)
    return ((there + 0.5) * length / small).astype(np.int64)
