"""Masks of images of any size."""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from trainer.config import ModelConfig
from trainer.errors import InputError
from trainer.model import predict
from trainer.model.predict import batch_size, predict_images, predict_probabilities
from trainer.model.unet import build_model


@pytest.fixture(scope="module")
def model() -> keras.Model:
    """An untrained network for images of 16x24 whose background is masked."""
    keras.utils.set_random_seed(3)
    return build_model(ModelConfig(depth=1, width=4, stem=1, norm="none", se=False), (16, 24, 3), 4, 0)


@pytest.fixture(scope="module")
def pointwise() -> keras.Model:
    """The logit of class c is the channel c, wherever a window lies; for 16-bit images of 16x24."""
    inputs = keras.Input((16, 24, 3), dtype="float32")
    return keras.Model(inputs, layers.Rescaling(0.02)(inputs))


def noise(*shape: int) -> Any:
    return np.random.default_rng(sum(shape)).integers(0, 256, (*shape, 3), np.uint8)


def predict_masks(model: keras.Model, images: Any) -> Any:
    return np.stack(list(predict_images(model, images)))


def softmax(logits: Any) -> Any:
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def whole(bands: Iterator[tuple[int, Any]]) -> Any:
    """The bands as one array; each must begin where the last one ended."""
    parts: list[Any] = []
    for first, probabilities in bands:
        assert first == sum(map(len, parts))
        parts.append(probabilities)
    return np.concatenate(parts)


def test_a_batch_has_fewer_large_images() -> None:
    assert batch_size((64, 128, 1)) == batch_size((8, 8, 3)) == 64
    assert batch_size((256, 256, 1)) == 8
    assert batch_size((4000, 6000, 3)) == 1


def test_a_masked_background_is_never_predicted(model: keras.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """In batches too, the last of which is not full."""
    images = noise(70, 16, 24)
    masks = predict_masks(model, images)
    assert masks.shape == (70, 16, 24) and masks.dtype == np.uint8
    assert len(np.unique(masks)) > 1 and (masks > 0).all()
    np.testing.assert_array_equal(masks, np.asarray(model(images)).argmax(-1))
    monkeypatch.setattr(predict, "MOST_IMAGES", 100)
    np.testing.assert_array_equal(predict_masks(model, images), masks)
    assert (next(predict_images(model, [noise(50, 60)])) > 0).all()


def test_images_of_the_networks_size_are_predicted_as_they_are(model: keras.Model) -> None:
    images = noise(3, 16, 24)
    np.testing.assert_array_equal(list(predict_images(model, images)), predict_masks(model, images))
    probabilities = whole(predict_probabilities(model, images[0]))
    np.testing.assert_allclose(probabilities, softmax(np.asarray(model(images))[0]), atol=1e-5)
    assert (probabilities[..., 0] == 0).all()


def test_smaller_images_are_padded_with_0(model: keras.Model) -> None:
    image = noise(9, 20)
    padded = np.zeros((1, 16, 24, 3), np.uint8)
    padded[0, :9, :20] = image
    (mask,) = predict_images(model, [image])
    np.testing.assert_array_equal(mask, predict_masks(model, padded)[0, :9, :20])
    assert whole(predict_probabilities(model, image)).shape == (9, 20, 4)


def test_images_of_any_sizes_keep_their_order_and_size(model: keras.Model) -> None:
    sizes = [(16, 24), (9, 20), (100, 24), (16, 24), (40, 70), (5, 90)]
    images = [noise(*size) for size in sizes]
    masks = list(predict_images(model, iter(images)))
    assert [mask.shape for mask in masks] == sizes
    for image, mask in zip(images, masks, strict=True):
        np.testing.assert_array_equal(next(predict_images(model, [image])), mask)


@pytest.mark.parametrize("size", [(16, 25), (100, 30), (9, 100), (300, 300)])
@pytest.mark.parametrize("overlap", [0, 0.5, 0.9])
def test_windows_agree_where_a_pixel_decides_alone(
    pointwise: keras.Model, size: tuple[int, int], overlap: float
) -> None:
    image = np.random.default_rng(0).uniform(0, 255, (*size, 3)).astype(np.float16)
    expected = softmax(image.astype(np.float32) * 0.02)
    np.testing.assert_allclose(whole(predict_probabilities(pointwise, image, overlap)), expected, atol=1e-5)
    (mask,) = predict_images(pointwise, [image], overlap)
    assert (mask == expected.argmax(-1)).mean() > 0.999  # float16 has ties


def test_probabilities_are_means_that_favour_the_middle_of_a_window(model: keras.Model) -> None:
    """Two windows share the columns 8 to 24; near the edge of one the other decides."""
    image = noise(16, 32)
    left, right = (softmax(np.asarray(model(image[None, :, start : start + 24]))[0]) for start in (0, 8))
    found = whole(predict_probabilities(model, image))
    np.testing.assert_allclose(found[:, :8], left[:, :8], atol=1e-5)
    np.testing.assert_allclose(found[:, 24:], right[:, 16:], atol=1e-5)
    assert np.abs(found[:, 8] - left[:, 8]).mean() < 0.2 * np.abs(right[:, 0] - left[:, 8]).mean()
    assert np.abs(found[:, 23] - right[:, 15]).mean() < 0.2 * np.abs(left[:, 23] - right[:, 15]).mean()


def test_the_caller_is_asked_before_each_batch(model: keras.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predict, "MOST_IMAGES", 4)
    asked: list[int] = []
    list(predict_images(model, [noise(16, 24), noise(40, 24)], 0.5, lambda: asked.append(1)))
    assert len(asked) == 2  # 1 + 4 windows


def test_other_channels_are_refused(model: keras.Model) -> None:
    with pytest.raises(InputError, match="images must have 3 channels as in training; got 1"):
        next(predict_images(model, [noise(16, 24)[..., :1]]))


def test_memory_does_not_grow_with_the_height(pointwise: keras.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """A band is of the rows between two windows at most, and is given before the next windows are predicted."""
    monkeypatch.setattr(predict, "MOST_IMAGES", 1)
    predicted: list[int] = []
    monkeypatch.setattr(predict, "_predict_batch", lambda _, images: predicted.append(1) or [np.zeros((16, 24, 3))])
    for count, (_, probabilities) in enumerate(predict_probabilities(pointwise, noise(400, 24)), 1):
        assert len(predicted) == min(count, 49)
        assert len(probabilities) <= 16
