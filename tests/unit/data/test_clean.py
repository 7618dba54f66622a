"""Cleaning: images with pasted masks are dropped, those with rightly equal masks are not."""

from pathlib import Path

import numpy as np
import pytest

from tests.data_sets import copy_of_arrays
from trainer.config import DataConfig
from trainer.data import clean
from trainer.data.clean import DroppedImage
from trainer.data.dataset import Dataset
from trainer.data.pixels import Pixels
from trainer.data.prepare import prepare_data

SIZE = (32, 48)


def scenes(count: int, seed: int = 0) -> Pixels:
    """Dissimilar images of squares, (count, H, W, 1)."""
    random = np.random.default_rng(seed)
    blobs = random.integers(0, 256, (count, SIZE[0] // 4, SIZE[1] // 4), dtype=np.uint8)
    return np.kron(blobs, np.ones((1, 4, 4), np.uint8))[..., None]


def drawings(count: int, labels: int, seed: int = 1) -> Pixels:
    """Different masks, (count, H, W)."""
    return scenes(count, seed)[..., 0] % labels


def find_corrupt(images: Pixels, masks: Pixels, ignore: int | None, classes: int) -> tuple[DroppedImage, ...]:
    return clean.find_corrupt(copy_of_arrays(images, masks, classes), ignore, classes)


@pytest.fixture(scope="module")
def rovers(mars: Path) -> Dataset:
    """The real Mars images, none of them dropped."""
    return prepare_data(DataConfig(path=str(mars), clean=False)).dataset


def pasted(count: int = 20, corrupt: int = 6) -> tuple[Pixels, Pixels]:
    """Images and masks, of which the first ones have the mask of image 0."""
    images, masks = scenes(count), drawings(count, 4)
    masks[:corrupt] = masks[0]
    return images, masks


def test_a_mask_pasted_on_dissimilar_images_is_corrupt() -> None:
    dropped = find_corrupt(*pasted(), ignore=0, classes=5)
    assert [image.index for image in dropped] == [0, 1, 2, 3, 4, 5]
    assert dropped[3].reason == "its mask is that of 6 unlike images, the first is 0"


def test_a_bright_object_at_one_place_does_not_make_images_alike() -> None:
    images, masks = pasted()
    images[:6, 10:18, 20:30] = 255
    assert len(find_corrupt(images, masks, ignore=0, classes=5)) == 6


def test_frames_of_a_fixed_camera_are_not_dropped() -> None:
    images, masks = pasted()
    random = np.random.default_rng(2)
    for index in range(6):
        noisy = images[0] * random.uniform(0.5, 1) + random.normal(0, 8, images[0].shape)
        images[index] = np.clip(noisy, 0, 255)
    assert find_corrupt(images, masks, ignore=0, classes=5) == ()


def test_copies_of_an_image_are_not_dropped() -> None:
    images, masks = pasted()
    images[:6] = images[0]
    assert find_corrupt(images, masks, ignore=0, classes=5) == ()


def test_black_frames_are_not_dropped() -> None:
    images, masks = pasted()
    images[:6] = 0
    assert find_corrupt(images, masks, ignore=0, classes=5) == ()


def test_masks_of_one_scored_class_are_not_dropped() -> None:
    images, masks = pasted()
    masks[:6] = 0
    masks[:6, 5:20, 5:30] = 2
    assert find_corrupt(images, masks, ignore=0, classes=5) == ()


def test_empty_masks_of_two_classes_without_an_ignore_label_are_not_dropped() -> None:
    images, masks = scenes(20), drawings(20, 2)
    masks[:12] = 0
    assert find_corrupt(images, masks, ignore=None, classes=2) == ()


def test_a_line_at_the_rim_is_no_second_class() -> None:
    images, masks = scenes(20), drawings(20, 2)
    masks[:6] = 1
    masks[:6, :, 0] = 0
    assert find_corrupt(images, masks, ignore=None, classes=2) == ()


def test_where_most_masks_are_shared_nothing_is_dropped() -> None:
    assert find_corrupt(*pasted(20, 15), ignore=0, classes=5) == ()


def test_of_the_mars_images_those_with_the_alien_mask_are_dropped(rovers: Dataset) -> None:
    raw = rovers
    dropped = find_corrupt(raw.images, np.array(raw.masks), ignore=0, classes=5)
    assert len(dropped) == 110
    assert len({raw.masks[image.index].tobytes() for image in dropped}) == 1
    assert np.unique(raw.masks[dropped[0].index]).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("seed", [0, 1])
def test_masks_pasted_on_mars_images_are_found(rovers: Dataset, seed: int) -> None:
    raw = rovers
    corrupt = {image.index for image in find_corrupt(raw.images, np.array(raw.masks), 0, 5)}
    intact = np.setdiff1d(np.arange(len(raw.images)), list(corrupt))
    several = [index for index in intact if len(np.unique(raw.masks[index])) > 2]
    chosen = np.random.default_rng(seed).choice(intact, 30, replace=False)
    masks = np.array(raw.masks)
    masks[chosen] = raw.masks[several[seed]]
    expected = corrupt | set(chosen.tolist()) | {int(several[seed])}
    assert {image.index for image in find_corrupt(raw.images, masks, 0, 5)} == expected
