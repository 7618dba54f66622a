"""Batches: what an epoch shows, and in which order."""

from typing import Any

import numpy as np

from tests.data_sets import FOUND, TINY, make_dataset, make_ragged
from trainer.config import TrainConfig
from trainer.configfile import override
from trainer.pipeline.batches import Batches, list_views, oversampled_class


def make_batches(**changes: Any) -> Batches:
    named = {name.replace("__", "."): value for name, value in changes.items()}
    return Batches(override(TrainConfig(), TINY | named), make_dataset())


def test_a_batch_is_a_pure_function_of_seed_epoch_and_index() -> None:
    one, other = make_batches(), make_batches()
    ahead = list(one.epoch(3))
    for index in (2, 0, 1):
        images, masks = other.batch(3, index)
        np.testing.assert_array_equal(images, ahead[index][0])
        np.testing.assert_array_equal(masks, ahead[index][1])


def test_an_epoch_shows_every_view_once() -> None:
    batches = make_batches(augment__mode="none")
    assert batches.steps == 3
    images = np.concatenate([images for images, _ in batches.epoch(0)])
    assert sorted(map(bytes, images)) == sorted(map(bytes, make_dataset().images[:24]))


def test_every_epoch_and_every_seed_has_an_order_of_its_own() -> None:
    orders = [make_batches().order(0), make_batches().order(1), make_batches(seed=1).order(0)]
    assert all(sorted(order) == list(range(24)) for order in orders)
    assert len({tuple(order) for order in orders}) == 3


def test_the_last_batch_is_filled_up() -> None:
    batches = make_batches(optimizer__batch_size=10)
    assert [len(images) for images, _ in batches.epoch(0)] == [10, 10, 10]
    order = batches.order(0)
    np.testing.assert_array_equal(order[24:], order[:6])


def test_epochs_differ_and_static_copies_do_not() -> None:
    dynamic, static = make_batches(), make_batches(augment__mode="static", augment__copies=2)
    shown = [{bytes(i) for images, _ in dynamic.epoch(e) for i in images} for e in (0, 1)]
    assert shown[0] != shown[1]
    shown = [{bytes(i) for images, _ in static.epoch(e) for i in images} for e in (0, 1)]
    assert shown[0] == shown[1]
    assert shown[0] > set(map(bytes, make_dataset().images[:24]))


def test_oversampling_repeats_images_of_the_rarest_class() -> None:
    dataset = make_dataset()
    config = override(TrainConfig(), FOUND | {"data.oversample": 4, "augment.mode": "none"})
    label = oversampled_class(config, dataset)
    assert label in (1, 2)
    shown, times = np.unique(list_views(config, dataset)[:, 0], return_counts=True)
    has = (dataset.masks[shown] == label).any((1, 2))
    assert (times == np.where(has, 4, 1)).all()


def test_a_set_number_of_images_makes_the_epoch() -> None:
    assert make_batches(budget__images=8).steps == 1
    assert make_batches(budget__images=100).steps == 13


SIZES = [(16, 16), (10, 12), (40, 33), (16, 90)]  # 1, 1, 6 and 6 patches of 16x16


def make_patches(**changes: Any) -> Batches:
    named = {name.replace("__", "."): value for name, value in changes.items()}
    found = {"data.classes": 2, "data.ignore": 255}
    return Batches(override(TrainConfig(), TINY | found | named), make_ragged(SIZES, (16, 16), 2, np.float16))


def test_an_image_counts_as_often_as_it_has_patches() -> None:
    for mode, copies in (("none", 1), ("dynamic", 2), ("static", 3)):
        config = override(TrainConfig(), TINY | {"augment.mode": mode, "augment.copies": 2})
        views = list_views(config, make_ragged(SIZES, (16, 16)))
        assert len({tuple(view) for view in views}) == len(views)
        assert np.bincount(views[:, 0]).tolist() == [1 * copies, 1 * copies, 6 * copies, 6 * copies]


def test_patches_are_a_pure_function_of_seed_epoch_and_index() -> None:
    for mode in ("none", "dynamic", "static"):
        ahead = list(make_patches(augment__mode=mode).epoch(2))
        for index in (1, 0):
            images, masks = make_patches(augment__mode=mode).batch(2, index)
            assert images.dtype == np.float32 and images.shape == (8, 16, 16, 2)
            np.testing.assert_array_equal(images, ahead[index][0])
            np.testing.assert_array_equal(masks, ahead[index][1])


def test_patches_differ_by_epoch_but_for_static_ones() -> None:
    for mode, same in (("none", False), ("static", True)):
        batches = make_patches(augment__mode=mode)
        first, second = ({bytes(image) for images, _ in batches.epoch(e) for image in images} for e in (0, 1))
        assert (first == second) == same
        assert len(first) > 12  # of 14 patches, or of 28


def test_mixing_and_augmentation_apply_to_patches() -> None:
    batches = make_patches(augment__paste=1.0, augment__cutmix=1.0, augment__geometric=1.0, augment__elastic=1.0)
    for images, masks in batches.epoch(0):
        assert images.dtype == np.float32 and 0 <= images.min() and 200 < images.max() <= 255
        assert set(np.unique(masks)) <= {0, 1, 255}
