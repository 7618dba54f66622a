"""Patches: where they lie, what they show, and how many there are."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.data_sets import dataset_of_arrays
from trainer.config import VOID
from trainer.data.dataset import Dataset
from trainer.pipeline.patches import count_patches, cut_patch, draw_corner, draw_patch

SIDE = 8


def make(*masks: Any, ignore: int | None = 255, dtype: Any = np.uint8) -> Dataset:
    """Images whose two channels are the row and the column of each pixel; patches of 8x8."""
    images = [np.stack(np.indices(mask.shape), axis=-1).astype(dtype) + dtype(1) for mask in masks]
    everything = np.arange(len(masks))
    return dataset_of_arrays(images, list(masks), everything, everything, 4, ignore, patch=(SIDE, SIDE))


@pytest.fixture
def scene() -> Dataset:
    """One image of 60x80 of class 1, with a pixel of class 2 and one of class 3, which is at a corner."""
    mask = np.ones((60, 80), np.uint8)
    mask[20, 30], mask[59, 79] = 2, 3
    return make(mask)


def corners(dataset: Dataset, share: float, turn: int | None = None, count: int = 300) -> Any:
    """Rows and columns of the top left pixels of some patches, by what the image's channels say."""
    drawn = [draw_patch(dataset, 0, (0, 0, at), at if turn is None else turn, share)[0][0, 0] for at in range(count)]
    return np.array(drawn, int) - 1


def test_an_image_of_the_patchs_size_is_its_only_patch() -> None:
    dataset = make(np.ones((SIDE, SIDE), np.uint8))
    image, mask = draw_patch(dataset, 0, (1, 2, 3), 0, 0.5)
    np.testing.assert_array_equal(image, dataset.images[0])
    np.testing.assert_array_equal(mask, dataset.masks[0])


def test_a_patch_is_a_pure_function_of_its_seed(scene: Dataset) -> None:
    for share in (0.0, 1.0):
        one, other = (draw_patch(scene, 0, (5, 1, 9), 0, share) for _ in range(2))
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_array_equal(one[1], other[1])
        assert len({bytes(draw_patch(scene, 0, (5, 1, at), 0, share)[0]) for at in range(9)}) > 6


def test_patches_lie_anywhere(scene: Dataset) -> None:
    found = corners(scene, 0.0)
    assert (found >= 0).all() and (found <= (52, 72)).all()
    assert (found.min(0) <= (2, 2)).all() and (found.max(0) >= (50, 70)).all()
    assert (np.abs(found.mean(0) - (26, 36)) < (3, 4)).all()


def test_patches_show_the_scored_classes_in_turn(scene: Dataset) -> None:
    for at in range(30):
        _, mask = draw_patch(scene, 0, (0, 0, at), at, 1.0)
        assert (mask == 1 + at % 3).any()


def test_a_class_is_anywhere_in_its_patches(scene: Dataset) -> None:
    inside = (20, 30) - corners(scene, 1.0, turn=1)
    assert {*inside[:, 0]} == {*inside[:, 1]} == set(range(SIDE))
    assert (corners(scene, 1.0, turn=2) == (52, 72)).all(), "the patch is within the image"


def test_the_share_of_patches_around_a_class_is_as_configured(scene: Dataset) -> None:
    shown = [(draw_patch(scene, 0, (at,), 1, 0.3)[1] == 2).any() for at in range(400)]
    assert 0.22 < np.mean(shown) < 0.4


def test_no_patch_is_around_an_ignored_class(scene: Dataset) -> None:
    one_class = make(scene.masks[0], ignore=2)
    assert not any((draw_patch(one_class, 0, (at,), at, 1.0)[1] == 2).any() for at in (1, 3, 5, 7, 9))
    nothing = make(np.full((30, 30), 255, np.uint8))
    assert (draw_patch(nothing, 0, (0,), 0, 1.0)[1] == 255).all()


def test_a_smaller_image_is_padded_and_ignored_there() -> None:
    image, mask = draw_patch(make(np.ones((5, 6), np.uint8), ignore=255), 0, (0,), 0, 1.0)
    assert image.shape == (SIDE, SIDE, 2) and mask.shape == (SIDE, SIDE)
    assert (mask[:5, :6] == 1).all() and (image[:5, :6] > 0).all()
    mask[:5, :6] = 255
    assert (mask == 255).all() and (image[5:] == 0).all() and (image[:, 6:] == 0).all()


def test_an_image_may_be_smaller_one_way_and_larger_the_other() -> None:
    dataset = make(np.ones((5, 40), np.uint8))
    found = [draw_patch(dataset, 0, (at,), at, 0.5) for at in range(50)]
    assert {tuple(mask.sum(1) // SIDE) for _, mask in found} == {(1,) * 5 + (255,) * 3}
    assert len({int(image[0, 0, 1]) for image, _ in found}) > 15


def test_padding_is_of_no_class_whatever_is_ignored() -> None:
    for ignore in (None, 0):
        _, mask = cut_patch(replace(make(np.ones((5, 6), np.uint8)), ignore=ignore), 0)
        assert (mask[:5, :6] == 1).all() and (mask == VOID).sum() == 64 - 30


def test_images_of_more_than_8_bits_are_float32() -> None:
    dataset = make(np.ones((20, 20), np.uint8), dtype=np.float16)
    for place in ((0, 0), (15, 15)):
        assert cut_patch(dataset, 0, place)[0].dtype == np.float32


def test_a_corner_is_one_of_the_known_places(scene: Dataset) -> None:
    generator = np.random.default_rng(0)
    for _ in range(50):
        top, left = draw_corner(scene, 0, 2, generator)
        assert 13 <= top <= 20 and 23 <= left <= 30


@pytest.mark.parametrize(
    ("size", "count"), [((8, 8), 1), ((5, 6), 1), ((16, 16), 4), ((9, 8), 2), ((60, 80), 75), ((4, 80), 10)]
)
def test_an_epoch_shows_about_as_many_pixels_as_an_image_has(size: tuple[int, int], count: int) -> None:
    assert count_patches(make(np.ones(size, np.uint8)), np.array([0])).tolist() == [count]
