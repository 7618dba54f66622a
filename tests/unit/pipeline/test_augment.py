"""Augmentation: masks are transformed as their images, of any number of channels and either type."""

from typing import Any

import numpy as np
import pytest

from trainer.config import AugmentConfig
from trainer.pipeline.augment import make_augment

NO_TRANSFORM = {"flip_horizontal": 0.0, "geometric": 0.0, "colour": 0.0, "crop": 0.0, "affine": 0.0}
STRONG = AugmentConfig(
    flip_vertical=0.5, geometric=1, one_of_flip_vertical=0.2, colour=1, elastic=1, strength=2, rotate_degrees=45
)


def draw(channels: int) -> tuple[Any, Any]:
    """Six random images and masks."""
    generator = np.random.default_rng(0)
    return generator.integers(0, 256, (6, 8, 12, channels), np.uint8), generator.integers(0, 3, (6, 8, 12), np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
def test_augmentation_keeps_sizes_and_invents_no_label(channels: int) -> None:
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (40, 32, 64, channels), np.uint8)
    masks = np.where(generator.random((40, 32, 64)) < 0.5, 1, 4).astype(np.uint8)
    changed, moved = make_augment(STRONG, (32, 64, channels))(images, masks, 7)
    assert changed.shape == images.shape
    assert changed.dtype == moved.dtype == np.uint8
    assert set(np.unique(moved)) <= {1, 4}
    assert (moved != masks).any((1, 2)).mean() > 0.9


def test_images_and_masks_move_together() -> None:
    """A picture of the mask is transformed as the mask is, except at the borders between labels."""
    masks = np.zeros((40, 32, 64), np.uint8)
    masks[:, 8:20, 10:40] = 1
    geometry = STRONG.model_copy(update={"colour": 0.0})
    images, moved = make_augment(geometry, (32, 64, 1))(masks[..., None] * 200, masks, 3)
    agree = (images[..., 0] > 100) == (moved == 1)
    assert agree.mean() > 0.97
    assert (moved != masks).any((1, 2)).mean() > 0.9


def test_a_crop_keeps_the_aspect_of_shapes() -> None:
    """A square stays a square, whatever the crop."""
    masks = np.zeros((30, 64, 128), np.uint8)
    masks[:, 24:40, 56:72] = 1
    crop = AugmentConfig(flip_horizontal=0, geometric=1, affine=0, colour=0)
    _, moved = make_augment(crop, (64, 128, 1))(masks[..., None], masks, 0)
    inner = [mask for mask in moved if mask.any() and not (mask[[0, -1]].any() or mask[:, [0, -1]].any())]
    assert len(inner) > 10
    for mask in inner:
        height, width = mask.any(1).sum(), mask.any(0).sum()
        assert abs(int(height) - int(width)) <= 3


def test_a_quarter_turn_keeps_the_aspect_of_shapes() -> None:
    """A horizontal bar becomes a vertical one of the same length."""
    masks = np.zeros((8, 64, 128), np.uint8)
    masks[:, 30:34, 48:80] = 1
    turn = AugmentConfig(flip_horizontal=0, geometric=0, colour=0, quarter_turn=1)
    images, moved = make_augment(turn, (64, 128, 1))(masks[..., None] * 200, masks, 0)
    for mask in moved[:, :, 32:96]:  # further out are mirror images
        assert abs(int(mask.any(1).sum()) - 32) <= 1 and abs(int(mask.any(0).sum()) - 4) <= 1
    assert ((images[..., 0] > 100) == (moved == 1)).mean() > 0.99


def test_strength_0_leaves_only_flips() -> None:
    masks = np.random.default_rng(0).integers(0, 2, (10, 16, 16), np.uint8)
    unchanged = STRONG.model_copy(update={"strength": 0.0, "flip_horizontal": 0.0, "flip_vertical": 0.0})
    unchanged = unchanged.model_copy(update={"one_of_flip_vertical": 0.0, "crop": 0.0})
    images = masks[..., None] * 100
    changed, moved = make_augment(unchanged, (16, 16, 1))(images, masks, 0)
    np.testing.assert_array_equal(moved, masks)
    np.testing.assert_array_equal(changed, images)


@pytest.mark.parametrize(("direction", "axis"), [("vertical", 0), ("horizontal", 1)])
@pytest.mark.parametrize("option", ["flip_{}", "one_of_flip_{}"])
def test_a_flip_mirrors_image_and_mask(direction: str, axis: int, option: str) -> None:
    flips = NO_TRANSFORM | {option.format(direction): 1.0} | {"geometric": 1.0}
    changed, moved = make_augment(AugmentConfig(**flips), (8, 12, 1))(*draw(1), 0)
    images, masks = draw(1)
    np.testing.assert_array_equal(changed, np.flip(images, axis + 1))
    np.testing.assert_array_equal(moved, np.flip(masks, axis + 1))


@pytest.mark.parametrize("channels", [1, 3])
def test_colour_is_of_images_and_not_of_masks(channels: int) -> None:
    """Grey images have neither hue nor saturation: each gets one brightness and contrast."""
    images, masks = draw(channels)
    config = AugmentConfig(**NO_TRANSFORM | {"colour": 1.0})
    changed, moved = make_augment(config, (8, 12, channels))(images, masks, 0)
    np.testing.assert_array_equal(moved, masks)
    for image, new in zip(images.reshape(6, -1, channels), changed.reshape(6, -1, channels), strict=True):
        assert (image != new).any()
        pairs = np.unique(np.hstack([image, new]), axis=0)
        assert len(pairs) == len(np.unique(image, axis=0)), "equal pixels became different ones"


def test_a_shift_is_at_most_as_far_as_configured() -> None:
    """A tenth of the height and of the width, either way."""
    masks = np.zeros((40, 40, 80), np.uint8)
    masks[:, 20, 40] = 1
    config = AugmentConfig(**NO_TRANSFORM | {"geometric": 1.0, "affine": 1.0, "rotate_degrees": 0.0, "shift": 0.1})
    _, moved = make_augment(config, (40, 80, 1))(masks[..., None], masks, 0)
    shifts = np.argwhere(moved == 1)[:, 1:] - (20, 40)
    assert len(shifts) == 40
    assert (np.abs(shifts) <= (4, 8)).all()
    assert (shifts.min(0) < (-2, -5)).all() and (shifts.max(0) > (2, 5)).all()


TRANSFORMS = {
    "flips": {"flip_horizontal": 1.0, "flip_vertical": 1.0},
    "quarter turn": {"quarter_turn": 1.0},
    "crop": {"geometric": 1.0, "crop": 1.0},
    "affine": {"geometric": 1.0, "affine": 1.0},
    "elastic": {"elastic": 1.0, "elastic_alpha": 100.0},
}


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 16])
@pytest.mark.parametrize("name", TRANSFORMS)
def test_every_channel_moves_alike(name: str, channels: int) -> None:
    """And the pixels of 16-bit images as those of 8-bit ones."""
    image, masks = draw(1)
    images = image.repeat(channels, axis=-1)
    augment = make_augment(AugmentConfig(**NO_TRANSFORM | TRANSFORMS[name]), (8, 12, channels))
    changed, moved = augment(images, masks, 0)
    assert changed.shape == images.shape and changed.dtype == np.uint8
    assert (changed != images).any()
    assert np.ptp(changed.astype(int), axis=-1).max() <= 1
    finer, moved_too = augment(images.astype(np.float32), masks, 0)
    assert finer.dtype == np.float32
    np.testing.assert_array_equal(moved_too, moved)
    np.testing.assert_allclose(finer, changed, atol=1.01)


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 16])
def test_colours_of_16_bit_images_change_as_those_of_8_bits(channels: int) -> None:
    images, masks = draw(channels)
    augment = make_augment(AugmentConfig(**NO_TRANSFORM | {"colour": 1.0}), (8, 12, channels))
    changed, _ = augment(images, masks, 0)
    finer, _ = augment(images.astype(np.float32), masks, 0)
    assert (changed != images).any((1, 2, 3)).all()
    assert finer.min() >= 0 and finer.max() <= 255
    np.testing.assert_allclose(finer, changed, atol=1.01)
