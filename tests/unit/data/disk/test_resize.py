"""Resizing of images and masks, and the way back."""

from typing import Any

import numpy as np
import pytest

from trainer.data.disk.resize import resize_image, resize_mask, unresize

DTYPES = [np.uint8, np.uint16, np.int16, np.int32, np.float16, np.float32, np.float64]


@pytest.mark.parametrize("fit", ["stretch", "pad"])
def test_at_equal_size_the_input_is_returned(fit: Any) -> None:
    image, mask = np.zeros((8, 12, 3), np.uint8), np.zeros((8, 12), np.uint8)
    assert resize_image(image, (8, 12), fit) is image and resize_mask(mask, (8, 12), fit) is mask
    assert np.shares_memory(unresize(mask, (8, 12), fit), mask)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", [1, 3, 4, 5, 16])
def test_shrinking_averages(dtype: Any, channels: int) -> None:
    image = np.random.default_rng(0).integers(0, 200, (8, 12, channels)).astype(dtype)
    small = resize_image(image, (4, 4))
    means = image.astype(float).reshape(4, 2, 4, 3, channels).mean(axis=(1, 3))
    assert small.dtype == dtype and small.shape == means.shape
    assert abs(small - means).max() <= (0.5 if np.dtype(dtype).kind in "iu" else 0.1) + 1e-6


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", [1, 3, 5])
def test_growing_is_bilinear(dtype: Any, channels: int) -> None:
    ramp = np.repeat(np.arange(0, 80, 10)[:, None, None].repeat(6, 1), channels, 2).astype(dtype)
    large = resize_image(ramp, (16, 12))
    assert large.dtype == dtype and large.shape == (16, 12, channels)
    rows = large[:, 5, channels - 1].astype(float)
    assert np.allclose(rows[1:-1], 10 * ((np.arange(1, 15) + 0.5) / 2 - 0.5), atol=0.51)


def test_a_direction_that_shrinks_is_averaged_while_the_other_grows() -> None:
    image = np.random.default_rng(0).random((16, 4, 1)).astype(np.float32)
    mixed = resize_image(image, (4, 8))
    assert np.allclose(mixed, resize_image(image.reshape(4, 4, 4, 1).mean(axis=1), (4, 8)), atol=1e-6)


def test_masks_keep_their_labels_and_their_places() -> None:
    mask = np.random.default_rng(0).choice([0, 3, 255], (9, 15)).astype(np.uint8)
    assert set(np.unique(resize_mask(mask, (20, 20)))) <= {0, 3, 255}
    assert np.array_equal(resize_mask(mask, (3, 5)), mask[1::3, 1::3])
    assert np.array_equal(resize_mask(mask, (27, 45)), mask.repeat(3, 0).repeat(3, 1))


def test_padding_keeps_the_aspect_and_fills_at_the_bottom_and_right() -> None:
    image, mask = np.full((10, 20, 3), 7, np.uint8), np.full((10, 20), 2, np.uint8)
    for size, inner in (((16, 16), (8, 16)), ((30, 20), (10, 20)), ((5, 40), (5, 10))):
        padded, labels = resize_image(image, size, "pad"), resize_mask(mask, size, "pad", fill=255)
        assert padded.shape == (*size, 3) and labels.shape == size
        filled = np.ones(size, bool)
        filled[: inner[0], : inner[1]] = False
        assert (padded[filled] == 0).all() and (padded[~filled] == 7).all()
        assert (labels[filled] == 255).all() and (labels[~filled] == 2).all()


def test_a_side_never_vanishes() -> None:
    assert resize_image(np.ones((1, 1000, 1), np.uint8), (10, 10), "pad").shape == (10, 10, 1)


@pytest.mark.parametrize("fit", ["stretch", "pad"])
@pytest.mark.parametrize("original", [(13, 31), (64, 64), (40, 7)])
def test_the_way_back_has_the_images_size(fit: Any, original: tuple[int, int]) -> None:
    mask = np.zeros(original, np.uint8)
    mask[original[0] // 2 :] = 4
    resized = resize_mask(mask, (32, 48), fit, fill=9)
    back = unresize(resized, original, fit)
    assert back.shape == original and set(np.unique(back)) == {0, 4} and (back != mask).mean() < 0.1
    probabilities = np.eye(5, dtype=np.float32)[resized.clip(0, 4)]
    smooth = unresize(probabilities, original, fit)
    assert smooth.shape == (*original, 5) and np.allclose(smooth.sum(axis=2), 1, atol=1e-5)
    assert (smooth.argmax(axis=2) != mask).mean() < 0.15
