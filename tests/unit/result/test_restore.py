"""Masks of images in their own size from probabilities at another."""

from typing import Any, Literal

import cv2
import numpy as np
import pytest

from trainer.config import DataConfig
from trainer.result.restore import restore_mask

CLASSES = 5


def make_bands(probabilities: Any, rows: int = 3) -> Any:
    return [(first, probabilities[first : first + rows]) for first in range(0, len(probabilities), rows)]


def make_probabilities(height: int, width: int) -> Any:
    values = np.random.default_rng(0).random((height, width, CLASSES)).astype(np.float32)
    return values / values.sum(-1, keepdims=True)


def enlarge(probabilities: Any, size: tuple[int, int]) -> Any:
    """All classes at once, by OpenCV alone."""
    return np.dstack([cv2.resize(plane, size[::-1]) for plane in probabilities.transpose(2, 0, 1).copy()])


@pytest.mark.parametrize(
    ("size", "fit", "inner"),
    [
        ((20, 30), "stretch", (8, 12)),
        ((8, 12), "stretch", (8, 12)),
        ((61, 12), "stretch", (8, 12)),
        ((20, 30), "pad", (8, 12)),
        ((30, 30), "pad", (8, 8)),
        ((10, 60), "pad", (2, 12)),
    ],
)
def test_probabilities_are_enlarged_and_then_compared(
    size: tuple[int, int], fit: Literal["stretch", "pad"], inner: tuple[int, int]
) -> None:
    """`inner` is what a padded image fills."""
    data, small = DataConfig(resize=(8, 12), fit=fit), make_probabilities(8, 12)
    target = np.zeros((*size, CLASSES), np.float32)
    mask = restore_mask(make_bands(small), size, CLASSES, data, target)
    expected = enlarge(small[: inner[0], : inner[1]], size)
    np.testing.assert_array_equal(mask, expected.argmax(-1))
    np.testing.assert_array_equal(target, expected)
    np.testing.assert_array_equal(restore_mask(make_bands(small, 8), size, CLASSES, data), mask)


def test_a_border_between_two_pixels_lies_between_the_pixels_of_the_image() -> None:
    """Each of 4 columns becomes 5; nothing is moved by half a pixel."""
    small = np.zeros((2, 4, 2), np.float32)
    small[:, :2, 0] = small[:, 2:, 1] = 1
    mask = restore_mask([(0, small)], (10, 20), 2, DataConfig(resize=(2, 4)))
    np.testing.assert_array_equal(mask, np.repeat([[0, 1]], 10, 0).repeat(10, 1))


def test_a_slanted_border_is_smooth() -> None:
    """By the nearest pixel it would be a staircase, a tenth of the pixels away from it."""
    place = np.arange(8) + 0.5
    small = (place[:, None] - 0.37 * place - 2) / 8 + 0.5
    data = DataConfig(resize=(8, 8))
    mask = restore_mask([(0, np.stack([1 - small, small], -1).astype(np.float32))], (80, 80), 2, data)
    fine = (np.arange(80) + 0.5) / 10
    inside = slice(5, -5)  # beyond the outermost pixel centres nothing is known
    expected = fine[:, None] - 0.37 * fine - 2 > 0
    assert (mask[inside, inside] != expected[inside, inside]).mean() < 1e-3


def test_probabilities_are_averaged_where_they_shrink() -> None:
    large = make_probabilities(8, 12)
    mask = restore_mask(make_bands(large), (4, 4), CLASSES, DataConfig(resize=(8, 12)))
    means = large.reshape(4, 2, 4, 3, CLASSES).mean((1, 3))
    np.testing.assert_array_equal(mask, means.argmax(-1))


def test_without_another_size_bands_are_compared_as_they_come() -> None:
    values = make_probabilities(8, 12)
    target = np.zeros((8, 12, CLASSES), np.float16)
    mask = restore_mask(iter(make_bands(values)), (8, 12), CLASSES, DataConfig(), target)
    np.testing.assert_array_equal(mask, values.argmax(-1))
    np.testing.assert_array_equal(target, values.astype(np.float16))
