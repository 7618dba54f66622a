"""Augmentation: masks are transformed as their images, of any number of channels and either type."""

import numpy as np
import pytest

from tests.unit.pipeline.one_transform import CROP, EVERY, MOVING, NOTHING, STILL, differences, draw, run
from trainer.config import AugmentConfig
from trainer.pipeline.augment import BY_CHANCE, make_augment


@pytest.mark.parametrize("name", MOVING)
@pytest.mark.parametrize("size", [(64, 128), (48, 48), (45, 64)])
def test_a_mask_is_where_its_image_is(name: str, size: tuple[int, int]) -> None:
    """Each pixel of it to within half a pixel, and all of them to no side; in odd crops some are between two."""
    apart = differences(MOVING[name], *size)
    assert np.abs(apart).max() <= 0.501
    assert (np.abs(apart.mean((1, 2, 3))) < 0.02).all()


def test_a_crop_of_an_image_of_its_mask_is_the_image_of_its_crop() -> None:
    """Vertical and horizontal stripes agree in every pixel but those that lie half way between two."""
    for axis in (1, 2):
        stripes = (np.indices((40, 64, 128), np.uint8)[axis] // 8 % 2).astype(np.uint8)
        images, moved = run(CROP, stripes[..., None] * 200, stripes)
        certain = images[..., 0] != 100
        np.testing.assert_array_equal((images[..., 0] > 100)[certain], (moved == 1)[certain])
        assert certain.mean() > 0.99
        assert (moved != stripes).any((1, 2)).mean() > 0.9


def test_quarter_turns_interpolate_nothing() -> None:
    for width in (15, 16, 17, 60):
        assert not differences(MOVING["quarter turn"], 16, width, 10).any()


@pytest.mark.parametrize("name", STILL)
def test_what_changes_an_image_alone_leaves_its_mask(name: str) -> None:
    images, masks = draw((16, 24, 3))
    _, moved = run(STILL[name], images, masks)
    np.testing.assert_array_equal(moved, masks)


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("channels", [1, 2, 3, 4, 13])
@pytest.mark.parametrize("size", [(16, 16), (16, 50), (33, 20)])
def test_every_transform_takes_every_image(name: str, channels: int, size: tuple[int, int]) -> None:
    """Each image changes; sizes, types, ranges and labels stay, and so does what was given."""
    for dtype in (np.uint8, np.float32):
        images, masks = draw((*size, channels))
        images = images.astype(dtype)
        before = images.copy(), masks.copy()
        changed, moved = run(EVERY[name], images, masks, seed=1)
        assert changed.shape == images.shape and moved.shape == masks.shape
        assert changed.dtype == dtype and moved.dtype == np.uint8
        assert changed.min() >= 0 and changed.max() <= 255
        assert set(np.unique(moved)) <= {0, 2, 255}
        assert (changed != images).any((1, 2, 3)).all()
        np.testing.assert_array_equal(images, before[0])
        np.testing.assert_array_equal(masks, before[1])


@pytest.mark.parametrize("name", EVERY)
def test_the_same_seed_gives_the_same_batch(name: str) -> None:
    """Whatever the pipeline did before."""
    images, masks = draw((16, 24, 3))
    augment = make_augment(AugmentConfig(**NOTHING | EVERY[name]), (16, 24, 3))
    first = augment(images, masks, 5)
    other = augment(images, masks, 6)
    again = augment(images, masks, 5)
    assert (first[0] != other[0]).any()
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])


@pytest.mark.parametrize("name", [name for name in EVERY if name != "quarter turn"])
def test_nothing_is_left_of_a_transform_at_strength_0(name: str) -> None:
    images, masks = draw((16, 24, 3))
    changed, moved = run(EVERY[name] | {"strength": 0.0}, images, masks)
    np.testing.assert_array_equal(moved, masks)
    np.testing.assert_array_equal(changed, images)


@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0, 3.0])
def test_chance_multiplies_probabilities_up_to_1(chance: float) -> None:
    """An image stays as it is with the product of 1 - p; geometric and noise are independent."""
    images, masks = draw((8, 12, 1), count=600)
    odds = {"geometric": 0.4, "affine": 1.0, "noise": 0.3, "chance": chance}
    changed, _ = run(odds, images, masks)
    expected = (1 - min(1, 0.4 * chance)) * (1 - min(1, 0.3 * chance))
    unchanged = (changed == images).all((1, 2, 3)).mean()
    assert abs(unchanged - expected) < 0.07  # 3.4 standard deviations of 600 images
    assert unchanged > 0 or not expected


@pytest.mark.parametrize("batch_size", [1, 32, 480])
def test_transforms_happen_independently(batch_size: int) -> None:
    """Of three, each combination in an eighth of the images."""
    options = {"flip_horizontal": 0.5, "flip_vertical": 0.5, "gamma": 0.5}
    images = np.zeros((480, 8, 8, 1), np.uint8)
    images[:, :4, :4] = 100
    augment = make_augment(AugmentConfig(**NOTHING | options), (8, 8, 1))
    batches = images.reshape(-1, batch_size, 8, 8, 1)
    changed = np.concatenate([augment(batch, batch[..., 0], seed)[0] for seed, batch in enumerate(batches)])
    flipped = changed[:, :, 0].max((1, 2)) == 0, changed[:, 0].max((1, 2)) == 0
    found = np.stack([*flipped, changed.max((1, 2, 3)) != 100], 1)
    for combination in np.ndindex(2, 2, 2):
        assert abs((found == combination).all(1).mean() - 1 / 8) < 0.06  # 4 standard deviations


@pytest.mark.parametrize("name", BY_CHANCE)
def test_every_transform_but_turns_and_flips_has_its_chance(name: str) -> None:
    images, masks = draw((8, 12, 3), count=20)
    options = {name: 0.34, "affine": 1.0}
    never, _ = run(options | {"chance": 0.0}, images, masks)
    always, _ = run(options | {"chance": 3.0}, images, masks)
    np.testing.assert_array_equal(never, images)
    assert (always != images).any((1, 2, 3)).all()


def test_chance_is_not_of_turns_and_flips() -> None:
    images, masks = draw((8, 12, 1))
    options = {"flip_horizontal": 1.0, "flip_vertical": 1.0, "chance": 0.0}
    np.testing.assert_array_equal(run(options, images, masks)[0], images[:, ::-1, ::-1])
    assert (run({"quarter_turn": 1.0, "chance": 0.0}, images, masks)[0] != images).any((1, 2, 3)).all()


def test_weights_of_geometric_transforms_are_relative() -> None:
    images, masks = draw((8, 12, 1), count=40)
    one, other = (run({"geometric": 1.0, "crop": weight, "affine": weight}, images, masks) for weight in (0.25, 40.0))
    np.testing.assert_array_equal(one[0], other[0])


def test_a_crop_keeps_the_aspect_of_shapes() -> None:
    """A square stays a square, whatever the crop."""
    masks = np.zeros((30, 64, 128), np.uint8)
    masks[:, 24:40, 56:72] = 1
    _, moved = run(CROP, masks[..., None], masks)
    inner = [mask for mask in moved if mask.any() and not (mask[[0, -1]].any() or mask[:, [0, -1]].any())]
    assert len(inner) > 10
    for mask in inner:
        height, width = mask.any(1).sum(), mask.any(0).sum()
        assert abs(int(height) - int(width)) <= 3


def test_a_quarter_turn_keeps_the_aspect_of_shapes() -> None:
    """A horizontal bar becomes a vertical one of the same length."""
    masks = np.zeros((8, 64, 128), np.uint8)
    masks[:, 30:34, 48:80] = 1
    _, moved = run(MOVING["quarter turn"], masks[..., None], masks)
    for mask in moved[:, :, 32:96]:  # further out are mirror images
        assert mask.any(1).sum() == 32 and mask.any(0).sum() == 4
    assert len({bytes(mask) for mask in run(MOVING["quarter turn"], *draw((16, 16, 1)))[1]}) == 6


@pytest.mark.parametrize(("direction", "axis"), [("vertical", 0), ("horizontal", 1)])
@pytest.mark.parametrize("option", ["flip_{}", "one_of_flip_{}"])
def test_a_flip_mirrors_image_and_mask(direction: str, axis: int, option: str) -> None:
    images, masks = draw((8, 12, 1))
    changed, moved = run({"geometric": 1.0, option.format(direction): 1.0}, images, masks)
    np.testing.assert_array_equal(changed, np.flip(images, axis + 1))
    np.testing.assert_array_equal(moved, np.flip(masks, axis + 1))


def test_a_shift_is_at_most_as_far_as_configured() -> None:
    """A tenth of the height and of the width, either way."""
    masks = np.zeros((40, 40, 80), np.uint8)
    masks[:, 20, 40] = 1
    _, moved = run(MOVING["affine"] | {"rotate_degrees": 0.0, "shift": 0.1}, masks[..., None], masks)
    shifts = np.argwhere(moved == 1)[:, 1:] - (20, 40)
    assert len(shifts) == 40
    assert (np.abs(shifts) <= (4, 8)).all()
    assert (shifts.min(0) < (-2, -5)).all() and (shifts.max(0) > (2, 5)).all()


def test_zooming_out_keeps_the_whole_image() -> None:
    """Down to the smallest scale, with nothing of another grey around it."""
    masks = np.repeat(np.indices((63, 63), np.uint8)[:1], 40, 0)
    options = {"zoom_out": 1.0, "zoom_out_scale": 0.5}
    changed, moved = run(options, np.full((40, 63, 63, 1), 7, np.uint8), masks)
    assert (changed == 7).all()
    steps = np.abs(np.diff(moved[..., 0].astype(int), axis=1))
    assert (moved.max((1, 2)) >= 61).all() and (moved.min((1, 2)) <= 1).all()  # its first and last row
    assert steps.max() in (2, 3)  # rows of it between two of the smaller one


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 16])
@pytest.mark.parametrize("name", MOVING)
def test_every_channel_moves_alike(name: str, channels: int) -> None:
    """And the pixels of 16-bit images as those of 8-bit ones."""
    image, masks = draw((8, 12, 1))
    images = image.repeat(channels, axis=-1)
    augment = make_augment(AugmentConfig(**NOTHING | MOVING[name]), (8, 12, channels))
    changed, moved = augment(images, masks, 0)
    assert np.ptp(changed.astype(int), axis=-1).max() <= 1
    finer, moved_too = augment(images.astype(np.float32), masks, 0)
    np.testing.assert_array_equal(moved_too, moved)
    np.testing.assert_allclose(finer, changed, atol=1.01)


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 16])
@pytest.mark.parametrize("name", STILL)
def test_16_bit_images_change_as_those_of_8_bits(name: str, channels: int) -> None:
    images, masks = draw((16, 24, channels))
    augment = make_augment(AugmentConfig(**NOTHING | STILL[name]), (16, 24, channels))
    changed, _ = augment(images, masks, 0)
    finer, _ = augment(images.astype(np.float32), masks, 0)
    np.testing.assert_allclose(finer, changed, atol=1.6)  # OpenCV rounds or cuts off; twice in low resolution
