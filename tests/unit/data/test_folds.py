"""Folds: every image in one of them, no group in two, each class in equal shares."""

import numpy as np
import pytest

from trainer.data.folds import choose_fold
from trainer.errors import InputError

GROUPS, FOLDS = 30, 5


@pytest.fixture
def images() -> tuple[np.ndarray, np.ndarray]:
    """Counts (N, 256) and keys (N,) of 120 images in 30 groups; class 2 is in every third group."""
    random = np.random.default_rng(0)
    keys = np.repeat(np.arange(GROUPS), 4).astype(np.str_)
    counts = np.zeros((len(keys), 256), np.int64)
    counts[:, 0] = random.integers(500, 1500, len(keys))
    counts[:, 1] = random.integers(100, 300, len(keys))
    counts[:, 2] = np.where(np.arange(len(keys)) // 4 % 3 == 0, random.integers(20, 60, len(keys)), 0)
    return counts, keys


def test_every_image_validates_once_and_no_group_is_on_both_sides(images: tuple[np.ndarray, np.ndarray]) -> None:
    counts, keys = images
    seen = []
    for number in range(FOLDS):
        train, validation = choose_fold(counts, keys, 3, None, (number, FOLDS))
        assert sorted([*train, *validation]) == list(range(len(keys)))
        assert not set(keys[train]) & set(keys[validation])
        assert (np.diff(train) > 0).all() and (np.diff(validation) > 0).all()
        seen += validation.tolist()
    assert sorted(seen) == list(range(len(keys)))


def test_each_has_its_share_of_images_and_classes(images: tuple[np.ndarray, np.ndarray]) -> None:
    counts, keys = images
    for number in range(FOLDS):
        _, validation = choose_fold(counts, keys, 3, None, (number, FOLDS))
        shares = counts[validation, :3].sum(axis=0) / counts[:, :3].sum(axis=0)
        np.testing.assert_allclose([len(validation) / len(keys), *shares], 1 / FOLDS, atol=0.05)


def test_more_folds_than_groups_are_refused(images: tuple[np.ndarray, np.ndarray]) -> None:
    counts, keys = images
    with pytest.raises(InputError, match=r"at most as many as groups of different images, 30; got 31"):
        choose_fold(counts, keys, 3, None, (0, 31))
