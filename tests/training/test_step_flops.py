"""The floating-point operations that `benchmarks/speed/flops.py` counts."""

import keras

from benchmarks.speed.flops import count_step_flops, forward_flops


def test_a_convolution_multiplies_and_adds_once_for_each_weight_at_each_pixel() -> None:
    image = keras.Input((8, 16, 3))
    model = keras.Model(image, keras.layers.Conv2D(5, 3, padding="same")(image))
    assert forward_flops(model.layers[1]) == 2 * (8 * 16) * (3 * 3 * 3 * 5)


def test_a_transposed_convolution_is_applied_at_each_pixel_of_its_input() -> None:
    image = keras.Input((8, 16, 3))
    model = keras.Model(image, keras.layers.Conv2DTranspose(5, 2, strides=2)(image))
    assert forward_flops(model.layers[1]) == 2 * (8 * 16) * (2 * 2 * 3 * 5)


def test_a_step_is_three_products_a_layer_for_each_image() -> None:
    image = keras.Input((8, 8, 1))
    first = keras.layers.Conv2D(2, 1)(keras.layers.Rescaling(1 / 255)(image))
    model = keras.Model(image, keras.layers.Conv2D(4, 1)(first))
    assert count_step_flops(model, batch=5) == 5 * 3 * (2 * 64 * 2 + 2 * 64 * 2 * 4)
