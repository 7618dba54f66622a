"""The validation side, counted by groups."""

import keras
import numpy as np
import pytest

from tests.data_sets import dataset_of_arrays, make_dataset, make_ragged
from trainer.config import ModelConfig
from trainer.data.dataset import Dataset
from trainer.model.predict import predict_images
from trainer.model.unet import build_model
from trainer.training.metrics import count_confusion
from trainer.training.validation import MOST_BLOCKS, assign_blocks, make_validate


def with_groups(groups: list[str]) -> Dataset:
    count = len(groups)
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (count + 1, 8, 8, 1)).astype(np.uint8)
    masks = generator.integers(0, 3, (count + 1, 8, 8)).astype(np.uint8)
    names = np.array([*groups, "other"])
    return dataset_of_arrays(images, masks, np.array([count]), np.arange(count), 3, 0, groups=names)


def test_images_of_one_group_are_counted_together() -> None:
    dataset = with_groups(["b", "a", "b", "c"])
    assert assign_blocks(dataset).tolist() == [1, 0, 1, 2]
    model = small_model(dataset)
    found = make_validate(model, dataset)(lambda: None)
    masks = list(predict_images(model, [dataset.images[index] for index in range(4)]))
    for block, members in enumerate(([1], [0, 2], [3])):
        expected = sum(count_confusion(dataset.masks[index], masks[index], 3, 0) for index in members)
        np.testing.assert_array_equal(found[block], expected)


def test_without_groups_each_image_is_a_block_until_there_are_many() -> None:
    assert assign_blocks(make_dataset()).tolist() == list(range(len(make_dataset().validation)))
    many = with_groups([f"g{number:04}" for number in range(3 * MOST_BLOCKS)])
    assert np.bincount(assign_blocks(many)).tolist() == [3] * MOST_BLOCKS


@pytest.mark.parametrize("sizes", [[(16, 16), (10, 12), (9, 16)], [(16, 16), (40, 33), (16, 90)]])
def test_every_pixel_counts_once_in_images_of_any_size(sizes: list[tuple[int, int]]) -> None:
    """Smaller ones than the network's, and larger ones in windows."""
    dataset = make_ragged(sizes, (16, 16))
    found = make_validate(small_model(dataset), dataset)(lambda: None)
    scored = sum(int((dataset.masks[index] < dataset.classes).sum()) for index in dataset.validation)
    ignored = sum(int((dataset.masks[index] == dataset.ignore).sum()) for index in dataset.validation)
    assert found.sum() == scored - (ignored if (dataset.ignore or 0) < dataset.classes else 0)


def test_new_weights_are_used_at_the_next_call() -> None:
    dataset = make_dataset()
    model = small_model(dataset)
    validate = make_validate(model, dataset)
    before = validate(lambda: None)
    model.set_weights([np.flip(weight) * 1.5 + 0.1 for weight in model.get_weights()])
    after = validate(lambda: None)
    assert before.sum() == after.sum() and (before != after).any()
    np.testing.assert_array_equal(after, make_validate(model, dataset)(lambda: None))


def small_model(dataset: Dataset) -> keras.Model:
    keras.utils.set_random_seed(1)
    dtype = "uint8" if dataset.images[0].dtype == np.uint8 else "float32"
    return build_model(ModelConfig(depth=1, width=4, stem=1), dataset.shape, dataset.classes, None, dtype)
