"""Moves on the device: distributions of places as Albumentations', and masks where their images are."""

from collections import Counter
from typing import Any

import cv2
import numpy as np
import pytest
from keras import ops

from tests.unit.on_device.both import DRAWS, assert_alike, on_device, on_host, places, repeat
from tests.unit.pipeline.one_transform import CROP, MOVING, draw
from trainer.on_device.moves import smoothing
from trainer.on_device.sampling import mirror

HEIGHT, WIDTH = 32, 48
AFFINE = MOVING["affine"]
FLIPS = {"one_of_flip_horizontal": 0.5, "one_of_flip_vertical": 0.75}


def middle(images: Any) -> Any:
    """Row and column that the middle shows, (N, 2)."""
    return images[:, HEIGHT // 2 - 1 : HEIGHT // 2 + 1, WIDTH // 2 - 1 : WIDTH // 2 + 1].mean((1, 2))


def slopes(images: Any) -> Any:
    """By how many rows and columns two neighbours in the middle are apart, one below the other, (N, 2)."""
    return images[:, HEIGHT // 2, WIDTH // 2] - images[:, HEIGHT // 2 - 1, WIDTH // 2]


def test_crops_show_as_large_parts_anywhere() -> None:
    """Their first and last rows and columns, and their area."""

    def measure(images: Any) -> Any:
        sides = np.ptp(images, axis=(1, 2))
        return np.concatenate([images.min((1, 2)), images.max((1, 2)), sides.prod(1, keepdims=True)], 1)

    assert_alike(CROP | {"crop_area": 0.3}, places(HEIGHT, WIDTH), measure)


@pytest.mark.parametrize("options", [{"strength": 2.0}, {"rotate_degrees": 180.0}])
def test_rotations_and_shifts_are_as_large(options: dict[str, float]) -> None:
    def measure(images: Any) -> Any:
        down, right = slopes(images).T
        return np.concatenate([middle(images), np.degrees(np.arctan2(right, down))[:, None]], 1)

    assert_alike(AFFINE | options, places(HEIGHT, WIDTH), measure)


def test_a_shift_alone_is_in_whole_pixels() -> None:
    options = AFFINE | {"rotate_degrees": 0.0, "shift": 0.2}
    assert_alike(options, places(HEIGHT, WIDTH), middle)
    moved = middle(on_device(options, *repeat(places(HEIGHT, WIDTH)))[0])
    np.testing.assert_array_equal(moved % 1, 0.5)  # the middle lies between two pixels


def test_zooming_out_shrinks_as_much() -> None:
    """And leaves out the first or the last row or column of an even number."""

    def measure(images: Any) -> Any:
        ends = images.min((1, 2)), images.max((1, 2))
        return np.concatenate([np.abs(slopes(images)[:, :1]), middle(images), *ends], 1)

    assert_alike(MOVING["zoom out"], places(HEIGHT, WIDTH), measure)


def test_elastic_deformations_are_as_far() -> None:
    """The mean and the largest displacement of an image, and that of one pixel."""
    grid = places(HEIGHT, WIDTH)

    def measure(images: Any) -> Any:
        apart = np.abs(images - grid)[:, 6:-6, 6:-6]
        return np.stack([apart.mean((1, 2, 3)), apart.max((1, 2, 3)), (images - grid)[:, 15, 20, 0]], 1)

    assert_alike(MOVING["elastic"], grid, measure)


def test_one_geometric_transform_is_drawn_by_its_weight() -> None:
    """As often as with Albumentations it is a flip, to either side, and nothing at all."""
    image, _ = draw((HEIGHT, WIDTH, 1), 1)
    options = {"geometric": 0.8, "crop": 0.25, "affine": 0.5} | FLIPS
    outcomes = [image[0], image[0, :, ::-1], image[0, ::-1]]
    for run in (on_device, on_host):
        changed, _ = run(options, *repeat(image[0]))
        shares = [(changed == outcome).all((1, 2, 3)).mean() for outcome in outcomes]
        np.testing.assert_allclose(shares, [0.2, 0.8 * 2 / 8, 0.8 * 3 / 8], atol=4 * (0.25 / DRAWS) ** 0.5)


@pytest.mark.parametrize("size", [(12, 12), (12, 17), (17, 12), (8, 30)])
@pytest.mark.parametrize("option", ["flip_horizontal", "flip_vertical", "quarter_turn"])
def test_flips_and_quarter_turns_are_those_of_albumentations(size: tuple[int, int], option: str) -> None:
    """The same images and masks, pixel by pixel, each as often."""
    images, masks = draw((*size, 2), 1)
    counts = []
    for run in (on_device, on_host):
        changed, moved = run({option: 0.5}, *repeat(images[0], masks[0]))
        counts.append(Counter(bytes(image) + bytes(mask) for image, mask in zip(changed, moved, strict=True)))
    assert counts[0].keys() == counts[1].keys()
    assert len(counts[0]) == (3 if option == "quarter_turn" else 2)
    assert all(abs(count - counts[1][outcome]) < 4 * (DRAWS / 2) ** 0.5 for outcome, count in counts[0].items())


@pytest.mark.parametrize("name", MOVING)
def test_a_mask_is_where_its_image_is(name: str) -> None:
    """Each pixel of it to within half a pixel, and all of them to no side."""
    for ramp in np.indices((45, 64), np.uint8):
        masks = np.repeat(ramp[None], 60, 0)
        images, moved = on_device(MOVING[name], masks[..., None].astype(np.float32), masks)
        apart = images[..., 0] - moved
        assert np.abs(apart).max() <= 0.501
        assert abs(apart.mean()) < 0.02
        assert (moved != masks).any((1, 2)).mean() > 0.9


def test_zooming_out_keeps_the_whole_image() -> None:
    """With nothing of another grey around it."""
    masks = np.repeat(np.indices((63, 63), np.uint8)[:1], 40, 0)
    options = MOVING["zoom out"] | {"zoom_out_scale": 0.5}
    changed, moved = on_device(options, np.full((40, 63, 63, 1), 7, np.uint8), masks)
    assert (changed == 7).all()
    assert (moved.max((1, 2)) >= 61).all() and (moved.min((1, 2)) <= 1).all()  # its first and last row


def test_borders_are_mirrored_at_the_middles_of_their_pixels() -> None:
    wanted = np.pad(np.arange(5.0), 9, "reflect")
    np.testing.assert_array_equal(np.asarray(mirror(ops.arange(-9.0, 14.0), 5)), wanted)


def test_displacements_are_smoothed_as_by_opencv() -> None:
    field = np.random.default_rng(0).normal(size=(20, 90)).astype(np.float32)
    wanted = cv2.GaussianBlur(field, (0, 0), 5.0, borderType=cv2.BORDER_REPLICATE)
    np.testing.assert_allclose(smoothing(20, 5.0) @ field @ smoothing(90, 5.0).T, wanted, atol=1e-4)
