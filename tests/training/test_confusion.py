"""Confusion matrices that are counted within the compiled network."""

from typing import Any

import keras
import numpy as np
import pytest

from trainer.config import ModelConfig
from trainer.model import confusion, predict
from trainer.model.confusion import make_counter
from trainer.model.predict import predict_images
from trainer.model.unet import build_model
from trainer.training.metrics import count_confusion

SIZES = [(16, 24), (9, 20), (16, 24), (1, 24), (16, 5)]


@pytest.fixture(scope="module")
def network() -> keras.Model:
    keras.utils.set_random_seed(3)
    return build_model(ModelConfig(depth=1, width=4, stem=1, se=False), (16, 24, 3), 4, 0)


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of two images, so that the last of three is not full."""
    monkeypatch.setattr(predict, "MOST_IMAGES", 2)


def make_pairs(sizes: Any = SIZES, labels: int = 4) -> tuple[list[Any], list[Any]]:
    random = np.random.default_rng(0)
    images = [random.integers(0, 256, (*size, 3), np.uint8) for size in sizes]
    return images, [random.choice([*range(labels), 255], size).astype(np.uint8) for size in sizes]


def count_elsewhere(network: keras.Model, images: Any, masks: Any, classes: int, ignore: int | None) -> list[Any]:
    predicted = predict_images(network, images)
    return [count_confusion(mask, found, classes, ignore) for mask, found in zip(masks, predicted, strict=True)]


@pytest.mark.parametrize("ignore", [None, 0, 2, 255])
@pytest.mark.usefixtures("small_batches")
def test_it_counts_as_numpy_does_what_is_predicted(network: keras.Model, ignore: int | None) -> None:
    images, masks = make_pairs()
    counted = list(make_counter(network, 4, ignore)(images, masks, lambda: None))
    np.testing.assert_array_equal(counted, count_elsewhere(network, images, masks, 4, ignore))
    assert counted[0].dtype == np.int64 and np.count_nonzero(np.sum(counted, 0)) >= 6


@pytest.mark.usefixtures("small_batches")
def test_all_labels_may_be_classes() -> None:
    """Then 255 is one too, and the padding is still none."""
    keras.utils.set_random_seed(1)
    network = build_model(ModelConfig(depth=1, width=4, stem=1, se=False), (8, 8, 3), 256, None)
    images, masks = make_pairs([(8, 8), (5, 7), (8, 3)], 256)
    counted = list(make_counter(network, 256, None)(images, masks, lambda: None))
    np.testing.assert_array_equal(counted, count_elsewhere(network, images, masks, 256, None))
    assert [matrix.sum() for matrix in counted] == [64, 35, 24]


def test_images_of_sixteen_bits() -> None:
    inputs = keras.Input((4, 4, 2), dtype="float32")
    network = keras.Model(inputs, keras.layers.Rescaling(1 / 255)(inputs))
    image = np.zeros((4, 3, 2), np.float16)
    image[:2, :, 1] = 0.5
    mask = np.array([[0, 0, 1], [1, 1, 1], [0, 0, 0], [1, 0, 0]], np.uint8)
    (counted,) = make_counter(network, 2, None)([image], [mask], lambda: None)
    assert counted.tolist() == [[5, 2], [1, 4]]


@pytest.mark.usefixtures("small_batches")
def test_new_weights_count_without_another_trace(network: keras.Model) -> None:
    traces: list[int] = []

    class Traced(keras.layers.Layer):
        def call(self, values: Any) -> Any:
            traces.append(1)
            return values

    keras.utils.set_random_seed(3)
    other = build_model(ModelConfig(depth=1, width=4, stem=1, se=False), (16, 24, 3), 4, 0)
    traced = keras.Model(other.inputs[0], Traced()(other.outputs[0]))
    count, (images, masks) = make_counter(traced, 4, None), make_pairs()
    before = list(count(images, masks, lambda: None))
    traced_once = len(traces)
    traced.set_weights([weight[..., ::-1] for weight in traced.get_weights()])
    after = list(count(images, masks, lambda: None))
    assert len(traces) == traced_once
    assert not np.array_equal(before, after)
    np.testing.assert_array_equal(after, count_elsewhere(traced, images, masks, 4, None))


@pytest.mark.usefixtures("small_batches")
def test_the_caller_is_asked_before_each_batch_and_images_are_read_as_needed(network: keras.Model) -> None:
    images, masks = make_pairs()
    read: list[int] = []
    asked: list[int] = []

    def each() -> Any:
        for image in images:
            read.append(1)
            yield image

    counted = make_counter(network, 4, 0)(each(), masks, lambda: asked.append(1))
    next(counted)
    assert (len(read), len(asked)) == (2, 1)
    assert len(list(counted)) == 4 and (len(read), len(asked)) == (5, 3)


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize(("images", "batches"), [(None, 3), (5, 3), (1, 5)])
def test_batches_are_as_full_as_the_number_of_images_lets_them(
    network: keras.Model, images: int | None, batches: int
) -> None:
    asked: list[int] = []
    counted = list(make_counter(network, 4, 0, images)(*make_pairs(), lambda: asked.append(1)))
    assert (len(counted), len(asked)) == (5, batches)


def test_larger_images_are_refused(network: keras.Model) -> None:
    images, masks = make_pairs([(17, 24)])
    with pytest.raises(ValueError, match="must be at most 16x24 to be counted; got 17x24"):
        next(make_counter(network, 4, 0)(images, masks, lambda: None))


def test_a_batch_takes_no_more_memory_for_many_classes_than_its_logits(network: keras.Model) -> None:
    """What is kept beside the network's own output: one number a pixel, and the counts."""
    model = confusion._build(network, 64, 256, None)
    largest = max(np.prod(step.output.shape) for step in model.operations if step is not network)
    assert largest <= max(64 * 16 * 24 * 4, 64 * 256**2 + 1)
