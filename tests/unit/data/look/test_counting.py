"""Counts of the values of one mask."""

from typing import Any

import numpy as np
import pytest

from trainer.data.item import RawMask
from trainer.data.look import counting
from trainer.data.look.counting import count_values, inner_size, shrink_pairs


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32])
@pytest.mark.parametrize("chunk", [7, 2**20])
def test_every_pixel_is_counted(dtype: Any, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "_CHUNK", chunk)
    values = np.random.default_rng(0).integers(0, 9, (13, 17)).astype(dtype)
    counts = count_values(values)
    found, pixels = np.unique(values, return_counts=True)
    assert counts.values.tolist() == found.tolist() and counts.pixels.tolist() == pixels.tolist()


def test_thin_pixels_are_in_no_square_of_equal_ones() -> None:
    values = np.zeros((6, 8), np.uint8)
    values[:, 4] = 1  # a line
    values[1:3, 1:3] = 2  # an area
    values[5, 0] = 3  # a dot
    counts = count_values(values)
    assert dict(zip(counts.values.tolist(), counts.thin.tolist(), strict=True)) == {0: 8, 1: 6, 2: 0, 3: 1}


def test_masks_of_one_row_have_thin_pixels_alone() -> None:
    assert count_values(np.array([[1, 1, 2]], np.uint8)).thin.tolist() == [2, 1]


def test_of_many_values_the_most_frequent_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "MAX_COUNTED", 2)
    counts = count_values(np.array([[5, 5, 5, 7, 8, 8]], np.int32))
    assert (counts.values.tolist(), counts.pixels.tolist()) == ([5, 8], [3, 2])
    assert (counts.other_values, counts.other_pixels) == (1, 1)


def test_pairs_are_those_of_nearest_pixels() -> None:
    values = np.array([[0, 1, 2, 3]], np.uint8)
    pairs = shrink_pairs(RawMask(values, "grey"), (1, 2), "stretch")
    assert pairs is not None
    assert pairs.before.values.tolist() == [[0, 1, 2, 3]] and pairs.after.values.tolist() == [[1, 1, 3, 3]]
    assert pairs.pixels.tolist() == [1, 1, 1, 1]


def test_values_far_apart_have_no_pairs() -> None:
    values = np.array([[-(2**31), 2**31 - 1]], np.int32)
    assert shrink_pairs(RawMask(values, "grey"), (1, 1), "stretch") is None
    assert count_values(values).pixels.tolist() == [1, 1]


@pytest.mark.parametrize(
    ("shape", "fit", "inner"),
    [
        ((10, 20), "stretch", (8, 8)),
        ((10, 20), "pad", (4, 8)),
        ((20, 10), "pad", (8, 4)),
        ((1, 100), "pad", (1, 8)),
    ],
)
def test_the_part_that_an_image_fills(shape: tuple[int, int], fit: str, inner: tuple[int, int]) -> None:
    assert inner_size(shape, (8, 8), fit) == inner
