"""Batches: what an epoch shows, and in which order."""

from collections import Counter
from typing import Any

import numpy as np
import pytest

from tests.data_sets import FOUND, TINY, make_dataset, make_ragged
from trainer.config import TrainConfig
from trainer.configfile import override
from trainer.pipeline.batches import Batches, list_views, oversampled_class


def make_batches(**changes: Any) -> Batches:
    named = {name.replace("__", "."): value for name, value in changes.items()}
    return Batches(override(TrainConfig(), TINY | named), make_dataset())


def test_a_batch_is_a_pure_function_of_seed_and_step() -> None:
    one, other = make_batches(budget__epochs=4), make_batches(budget__epochs=4)
    ahead = list(one.epoch(3))
    for index in (2, 0, 1):
        images, masks = other.batch(9 + index)
        np.testing.assert_array_equal(images, ahead[index][0])
        np.testing.assert_array_equal(masks, ahead[index][1])


def test_an_epoch_shows_every_view_once() -> None:
    batches = make_batches(augment__mode="none")
    assert batches.steps == 3 * 3
    images = np.concatenate([images for images, _ in batches.epoch(0)])
    assert sorted(map(bytes, images)) == sorted(map(bytes, make_dataset().images[:24]))


def shown(batches: Batches, epoch: int = 0) -> list[bytes]:
    return [bytes(image) for images, _ in batches.epoch(epoch) for image in images]


def test_every_epoch_and_every_seed_has_an_order_of_its_own() -> None:
    plain = make_batches(augment__mode="none")
    orders = [shown(plain), shown(plain, 1), shown(make_batches(augment__mode="none", seed=1))]
    assert all(set(order) == set(orders[0]) for order in orders)
    assert len({tuple(order) for order in orders}) == 3


def test_batches_are_full_and_go_on_with_the_next_round() -> None:
    """30 images an epoch of 24 views: after four epochs each view was shown five times."""
    batches = make_batches(augment__mode="none", optimizer__batch_size=10, budget__epochs=4)
    epochs = [[len(images) for images, _ in batches.epoch(epoch)] for epoch in range(4)]
    assert epochs == [[10, 10, 10]] * 4
    times = Counter(image for epoch in range(4) for image in shown(batches, epoch))
    assert len(times) == 24 and set(times.values()) == {5}


@pytest.mark.parametrize("changes", [{}, {"optimizer__batch_size": 3}, {"data__oversample": 4}])
def test_steps_are_divided_into_epochs_whatever_the_data_and_batches(changes: dict[str, Any]) -> None:
    batches = make_batches(budget__steps=11, budget__epochs=4, **changes)
    assert batches.steps == 11
    assert [len(list(batches.epoch(epoch))) for epoch in range(4)] == [2, 3, 3, 3]


def test_every_epoch_has_a_step() -> None:
    batches = make_batches(budget__steps=2, budget__epochs=4)
    assert [len(list(batches.epoch(epoch))) for epoch in range(4)] == [1, 1, 1, 1]


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
    assert make_batches(budget__images=8).steps == 3 * 1
    assert make_batches(budget__images=100).steps == 3 * 13


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


def test_patches_are_a_pure_function_of_seed_and_step() -> None:
    for mode in ("none", "dynamic", "static"):
        batches = make_patches(augment__mode=mode)
        ahead = list(batches.epoch(2))
        for index in (1, 0):
            images, masks = make_patches(augment__mode=mode).batch(batches.start(2) + index)
            assert images.dtype == np.float32 and images.shape == (8, 16, 16, 2)
            np.testing.assert_array_equal(images, ahead[index][0])
            np.testing.assert_array_equal(masks, ahead[index][1])


def test_patches_differ_by_epoch_but_for_static_ones() -> None:
    for mode, same in (("none", False), ("static", True)):
        batches = make_patches(augment__mode=mode, optimizer__batch_size=14)
        first, second = ({bytes(image) for images, _ in batches.epoch(e) for image in images} for e in (0, 1))
        assert (first == second) == same
        assert len(first) > 12  # of 14 patches, or of 28


def test_mixing_and_augmentation_apply_to_patches() -> None:
    batches = make_patches(augment__paste=1.0, augment__cutmix=1.0, augment__geometric=1.0, augment__elastic=1.0)
    for images, masks in batches.epoch(0):
        assert images.dtype == np.float32 and 0 <= images.min() and 200 < images.max() <= 255
        assert set(np.unique(masks)) <= {0, 1, 255}


def test_static_copies_of_an_oversampled_image_differ() -> None:
    dataset = make_dataset()
    found = {"data.oversample": 3, "augment.mode": "static", "augment.geometric": 1.0}
    config = override(TrainConfig(), TINY | found | {"augment.colour": 1.0, "optimizer.batch_size": 1})
    views = list_views(config, dataset)
    assert len({tuple(view) for view in views}) == len(views)
    image = int(np.bincount(views[:, 0]).argmax())
    assert (views[:, 0] == image).sum() == 3 * 2
    batches = Batches(config, dataset)
    copies = {bytes(batches._static_view(view, transforms=True)[0]) for view in views[views[:, 0] == image].tolist()}
    assert len(copies) == 6


def test_without_transforms_images_are_still_mixed() -> None:
    plain, mixed = make_batches(augment__mode="none"), make_batches(augment__mode="none", augment__cutmix=1.0)
    assert set(shown(plain)).isdisjoint(shown(mixed))


class TestCountSeen:
    """Pixels of each class as they are shown, counted here in what is shown."""

    @staticmethod
    def shares(masks: list[np.ndarray], classes: int) -> np.ndarray:
        counts = np.bincount(np.concatenate([mask.ravel() for mask in masks]), minlength=256)[:classes]
        return counts / counts.sum()

    def check(self, batches: Batches, classes: int, tolerance: float) -> None:
        seen = batches.count_seen()
        masks = [masks for epoch in range(3) for _, masks in batches.epoch(epoch)]
        np.testing.assert_allclose(seen / seen.sum(), self.shares(masks, classes), atol=tolerance)

    def test_oversampled_images_count_as_often_as_they_are_shown(self) -> None:
        batches = make_batches(augment__mode="none", data__oversample=5, budget__images=batches_views(5))
        self.check(batches, 3, 1e-9)
        plain = make_batches(augment__mode="none").count_seen()
        assert batches.count_seen()[1:].min() / plain[1:].min() > 1.5

    def test_what_is_pasted_and_mixed_in_counts(self) -> None:
        changes = {"augment__paste": 1.0, "augment__cutmix": 0.5, "augment__mode": "none", "budget__images": 400}
        self.check(make_batches(**changes), 3, 0.03)
        assert not np.array_equal(make_batches(**changes).count_seen(), make_batches().count_seen())

    def test_patches_count_as_they_are_drawn(self) -> None:
        self.check(make_patches(augment__mode="none", data__patch_classes=1.0, budget__images=400), 2, 0.03)

    def test_static_copies_count_as_they_are_shown(self) -> None:
        self.check(make_batches(augment__mode="static", augment__geometric=0.0, augment__cutmix=1.0), 3, 0.03)


def batches_views(oversample: int) -> int:
    return make_batches(data__oversample=oversample).views
