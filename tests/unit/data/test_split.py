"""The split: groups are not split, and every class has the same share on a side."""

from pathlib import Path

import numpy as np
import pytest

from trainer.config import DataConfig
from trainer.data import split as module
from trainer.data.pixels import Groups, Indices, Pixels, count_labels
from trainer.data.prepare import prepare_data
from trainer.errors import InputError


def noise(count: int, seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (count, 8, 8, 1), dtype=np.uint8)


def split(
    masks: Pixels, groups: Groups | None, images: Pixels, classes: int, ignore: int | None, share: float
) -> tuple[Indices, Indices]:
    keys = np.array([image.tobytes().hex() for image in images], np.str_) if groups is None else groups
    return module.split(count_labels(masks), keys, classes, ignore, share)


def masks_of(count: int, seed: int = 1) -> Pixels:
    """Masks of classes 1 to 3 by quarters, and class 4 in every tenth image."""
    quarters = np.random.default_rng(seed).integers(0, 4, (count, 2, 2), dtype=np.uint8)
    masks = np.kron(quarters, np.ones((1, 4, 4), np.uint8))
    masks[::10, 0, :2] = 4
    return masks


def test_every_image_is_on_one_side() -> None:
    train, validation = split(masks_of(60), None, noise(60), 5, 0, 0.2)
    assert sorted([*train, *validation]) == list(range(60))
    assert np.all(np.diff(train) > 0) and np.all(np.diff(validation) > 0)


def test_no_group_is_on_both_sides() -> None:
    groups = np.random.default_rng(3).integers(0, 17, 200).astype(str)
    train, validation = split(masks_of(200), groups, noise(200), 5, 0, 0.15)
    assert not set(groups[train]) & set(groups[validation])


def test_equal_images_stay_together_without_groups() -> None:
    images = noise(60)
    images[30:] = images[:30]
    _, validation = split(masks_of(60), None, images, 5, 0, 0.2)
    assert set(validation % 30) == set(validation[: len(validation) // 2])


def test_each_class_has_its_share_of_pixels_and_images() -> None:
    masks = masks_of(400)
    _, validation = split(masks, None, noise(400), 5, 0, 0.15)
    counts = count_labels(masks)[:, 1:5]
    assert np.allclose(counts[validation].sum(axis=0) / counts.sum(axis=0), 0.15, atol=0.01)
    assert np.allclose((counts[validation] > 0).sum(axis=0) / (counts > 0).sum(axis=0), 0.15, atol=0.01)
    assert len(validation) == pytest.approx(60, abs=1)


def test_a_class_of_two_groups_is_on_both_sides() -> None:
    masks = np.ones((40, 8, 8), np.uint8)
    masks[[3, 30], 2, 2] = 2
    train, validation = split(masks, np.arange(40).astype(str), noise(40), 3, 0, 0.1)
    assert len({3, 30} & set(train.tolist())) == len({3, 30} & set(validation.tolist())) == 1


@pytest.mark.parametrize("share", [0.001, 0.999])
def test_both_sides_have_images_at_any_share(share: float) -> None:
    train, validation = split(masks_of(6), None, noise(6), 5, 0, share)
    assert len(train) and len(validation)


def test_the_split_is_the_same_every_time() -> None:
    first, second = (split(masks_of(100), None, noise(100), 5, 0, 0.2) for _ in range(2))
    assert np.array_equal(first[1], second[1])


def test_a_single_group_cannot_be_split() -> None:
    with pytest.raises(InputError, match="at least 2 groups of different images; got 1"):
        split(masks_of(5), np.array(["a"] * 5), noise(5), 5, 0, 0.2)


def test_many_images_are_split_in_bounded_time() -> None:
    _, validation = split(masks_of(20_000), None, noise(20_000), 5, 0, 0.15)
    assert len(validation) == pytest.approx(3000, abs=30)


def test_the_classes_of_the_mars_images_have_their_share(mars: Path) -> None:
    data = prepare_data(DataConfig(path=str(mars))).dataset
    counts = np.asarray(data.counts[data.kept], np.int64)[:, 1:5]
    validation = np.asarray(data.counts[data.validation], np.int64)[:, 1:5]
    assert np.allclose(validation.sum(axis=0) / counts.sum(axis=0), 0.15, atol=0.005)
    assert np.allclose((validation > 0).sum(axis=0) / (counts > 0).sum(axis=0), 0.15, atol=0.01)
    assert data.groups is not None
    assert not set(data.groups[data.train]) & set(data.groups[data.validation])
