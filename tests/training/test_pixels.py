"""How pixels are scaled for a network."""

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from tests.training.numpy_layers import draw
from trainer.config import ModelConfig
from trainer.model.pixels import standardise
from trainer.model.unet import build_model

TINY = ModelConfig(depth=1, width=4, stem=1, norm="none", dropout=0, standardise=True)


def standardised(images: Any) -> Any:
    inputs = keras.Input(images.shape[1:], dtype=str(images.dtype))
    return np.asarray(keras.Model(inputs, standardise(inputs))(images))


@pytest.mark.parametrize("policy", ["float32", "mixed_float16", "mixed_bfloat16"])
def test_each_image_has_mean_0_and_deviation_1_in_single_precision(policy: str) -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 6, 8, 2), np.uint8)
    images[1] //= 8
    exact = images.astype(np.float64)
    expected = (exact - exact.mean((1, 2, 3), keepdims=True)) / exact.std((1, 2, 3), keepdims=True)
    previous = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        found = standardised(images)
    finally:
        keras.config.set_dtype_policy(previous)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("value", [0, 255, 100 / 3])
def test_an_image_of_one_value_becomes_0(value: float) -> None:
    found = standardised(np.full((1, 64, 128, 3), value, np.float32))
    np.testing.assert_allclose(found, np.zeros_like(found), atol=0.01)


def test_a_network_of_standardised_images_does_not_see_their_brightness_and_contrast() -> None:
    model = build_model(TINY, (8, 8, 3), 3, None, "float32")
    (images,) = draw((2, 8, 8, 3))
    logits = np.asarray(model(20 * images + 100))
    assert np.ptp(logits) > 0.01
    np.testing.assert_allclose(model(5 * images + 60), logits, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
def test_a_standardised_image_is_padded_with_its_mean(precision: Any) -> None:
    model = build_model(TINY.model_copy(update={"precision": precision}), (5, 7, 1), 3)
    (padding,) = (layer for layer in model.layers if isinstance(layer, layers.ZeroPadding2D))
    images = np.random.default_rng(0).integers(0, 256, (2, 5, 7, 1), np.uint8)
    padded = np.zeros((2, 6, 8, 1))
    padded[:, :5, :7] = standardised(images)
    found = np.asarray(keras.Model(model.inputs[0], padding.output)(images))
    np.testing.assert_allclose(found, padded, rtol=1e-3, atol=1e-3)
