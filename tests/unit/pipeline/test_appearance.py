"""Transforms of an image alone: how much they change."""

from typing import Any

import numpy as np
import pytest

from tests.unit.pipeline.one_transform import STILL, differences, draw, run


@pytest.mark.parametrize("options", [{"zoom_out": 1.0, "zoom_out_scale": 0.15}, {"low_resolution": 1.0}])
def test_what_is_shrunk_has_no_aliases(options: dict[str, Any]) -> None:
    """Stripes of one pixel become grey, not other stripes; some images are shrunk to little less, and keep them."""
    stripes = np.repeat(np.indices((1, 64, 64), np.uint8)[2] % 2 * 200, 60, 0)
    changed, _ = run(options | {"low_resolution_scale": 0.15}, stripes[..., None], stripes)
    contrast = np.ptp(changed[:, 8:-8, 8:-8, 0].astype(int), axis=(1, 2))
    assert (contrast < 150).mean() > 0.3


def test_low_resolution_moves_nothing() -> None:
    apart = differences({"low_resolution": 1.0}, 64, 128)[:, :, 4:-4, 4:-4]  # what is near the border lies inside
    assert np.abs(apart.mean((2, 3))).max() < 0.02


@pytest.mark.parametrize("channels", [1, 3])
def test_colour_gives_equal_pixels_equal_colours(channels: int) -> None:
    """Grey images have neither hue nor saturation: each gets one brightness and contrast."""
    images, masks = draw((8, 12, channels))
    changed, _ = run(STILL["colour"], images, masks)
    for image, new in zip(images.reshape(6, -1, channels), changed.reshape(6, -1, channels), strict=True):
        pairs = np.unique(np.hstack([image, new]), axis=0)
        assert len(pairs) == len(np.unique(image, axis=0)), "equal pixels became different ones"


def test_gamma_is_a_power_and_its_inverse_as_often() -> None:
    grey = np.full((200, 4, 4, 1), 255 * 0.5, np.float32)
    changed, _ = run({"gamma": 1.0, "gamma_range": 1.0}, grey, np.zeros((200, 4, 4), np.uint8))
    powers = np.log(changed[:, 0, 0, 0] / 255) / np.log(0.5)
    assert 0.5 - 1e-3 <= powers.min() < 0.6 and 1.9 < powers.max() <= 2 + 1e-3
    assert 0.4 < (powers > 1).mean() < 0.6


def test_blur_spreads_a_dot_by_its_deviation() -> None:
    dots = np.zeros((60, 33, 33, 1), np.float32)
    dots[:, 16, 16] = 255
    changed, _ = run({"blur": 1.0, "blur_sigma": 2.0}, dots, np.zeros((60, 33, 33), np.uint8))
    rows = changed[..., 0].sum(2) / 255
    deviations = np.sqrt((rows * (np.arange(33) - 16) ** 2).sum(1))
    np.testing.assert_allclose(rows.sum(1), 1, atol=1e-3)
    assert 0.4 < deviations.min() < 0.8 and 1.6 < deviations.max() < 2.01


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_noise_has_the_deviation_of_its_range(dtype: Any) -> None:
    grey = np.full((60, 32, 32, 3), 128, dtype)
    changed, _ = run({"noise": 1.0, "noise_std": 0.1}, grey, np.zeros((60, 32, 32), np.uint8))
    deviations = (changed.astype(float) - 128).std((1, 2, 3)) / 255
    assert 0.02 < deviations.min() < 0.04 and 0.08 < deviations.max() < 0.105
    assert abs(changed.mean() - 128) < 0.75


@pytest.mark.parametrize("kind", ["grid", "holes"])
@pytest.mark.parametrize("share", [0.2, 0.6])
def test_no_more_is_hidden_than_the_largest_share(kind: str, share: float) -> None:
    """What is hidden has the image's mean in each channel."""
    images = np.zeros((80, 64, 96, 2), np.uint8)
    images[..., 0] = np.indices((64, 96)).sum(0) % 2 * 100
    images[:, 1::2, :, 1] = 200
    changed, _ = run({"hide": 1.0, "hide_kind": kind, "hide_share": share}, images, images[..., 0])
    hidden = (changed != images).all(-1)
    assert (changed[hidden] == (50, 100)).all()
    np.testing.assert_array_equal(changed[~hidden], images[~hidden])
    shares = hidden.mean((1, 2))
    assert 0.7 * share < shares.max() <= share
    assert shares.min() < 0.5 * share


def test_a_grid_is_regular() -> None:
    images = np.repeat(np.indices((64, 64)).sum(0)[None, ..., None] % 2 * 200, 20, 0).astype(np.uint8)
    changed, _ = run({"hide": 1.0, "hide_kind": "grid", "hide_share": 0.5}, images, images[..., 0])
    gaps = []
    for hidden in changed[..., 0] == 100:
        np.testing.assert_array_equal(hidden, hidden.any(1)[:, None] & hidden.any(0))
        gaps.append(np.diff(np.flatnonzero(np.diff(hidden.any(0).astype(int)) == 1)))
    assert sum(len(gap) for gap in gaps) > 20
    assert all(np.ptp(gap) <= 1 for gap in gaps if len(gap))
