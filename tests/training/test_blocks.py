"""The building blocks of a network, computed again in NumPy from their own weights."""

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from tests.training.numpy_layers import (
    ACTIVATIONS,
    build,
    channel_weights,
    conv,
    dense,
    depth_to_space,
    draw,
    enlarge,
    relu,
    sigmoid,
)
from trainer.config import ModelConfig
from trainer.model import blocks
from trainer.model.bottleneck import bottleneck
from trainer.model.branch import restore_resolution
from trainer.model.gates import gate

CLOSE = {"rtol": 1e-4, "atol": 1e-5}
PLAIN = ModelConfig(norm="none", residual=False, se=False)


@pytest.mark.parametrize(
    ("norm", "axes", "epsilon"),
    [("batch", (0, 1, 2), 1e-3), ("layer", (3,), 1e-5), ("group", (1, 2, 4), 1e-5), ("instance", (1, 2), 1e-5)],
)
def test_a_normalisation_is_over_its_axes(norm: Any, axes: tuple[int, ...], epsilon: float) -> None:
    """`group`: 4 groups of 3 channels, as 12 channels cannot be split into 8."""
    model, _ = build(lambda x: blocks.normalise(x, ModelConfig(norm=norm, groups=8)), (5, 6, 12))
    (x,) = draw((2, 5, 6, 12))
    values = 3 * x + np.arange(12, dtype=np.float32)
    grouped = values.reshape(2, 5, 6, 4, 3) if norm == "group" else values
    deviation = grouped - grouped.mean(axes, keepdims=True)
    normal = deviation / np.sqrt((deviation**2).mean(axes, keepdims=True) + epsilon)
    scale, offset = model.get_weights()[:2]
    out = np.asarray(model(values, training=True))
    np.testing.assert_allclose(out, normal.reshape(values.shape) * scale + offset, **CLOSE)


def test_an_instance_of_one_pixel_keeps_its_offset_alone() -> None:
    model, _ = build(lambda x: blocks.normalise(x, ModelConfig(norm="instance")), (1, 1, 12))
    (x,) = draw((2, 1, 1, 12))
    offset = model.get_weights()[1]
    np.testing.assert_allclose(np.asarray(model(x))[:, 0, 0], [offset, offset], **CLOSE)


def test_batch_normalisation_averages_its_statistics_over_ten_batches() -> None:
    model, _ = build(lambda x: blocks.normalise(x, ModelConfig(norm="batch")), (5, 6, 12))
    _, _, mean, variance = model.get_weights()
    (x,) = draw((2, 5, 6, 12))
    model(x, training=True)
    _, _, new_mean, new_variance = model.get_weights()
    np.testing.assert_allclose(new_mean, 0.9 * mean + 0.1 * x.mean((0, 1, 2)), **CLOSE)
    np.testing.assert_allclose(new_variance, 0.9 * variance + 0.1 * x.var((0, 1, 2)), **CLOSE)


def test_no_normalisation_is_no_layer() -> None:
    x = keras.Input((5, 6, 12))
    assert blocks.normalise(x, PLAIN) is x


def test_squeeze_and_excitation_weighs_channels() -> None:
    model, weights = build(lambda x: blocks.squeeze_excite(x, 2), (5, 6, 6))
    (x,) = draw((2, 5, 6, 6))
    np.testing.assert_allclose(model(x), x * channel_weights(x, weights[6, 3], weights[3, 6]), **CLOSE)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("se", [False, True])
def test_a_block_is_two_convolutions_with_what_is_configured(residual: bool, se: bool, activation: Any) -> None:
    """Squeeze-and-excitation has a ReLU of its own, whatever the activation."""
    config = ModelConfig(norm="none", residual=residual, se=se, se_ratio=3, activation=activation)
    act = ACTIVATIONS[activation]
    model, weights = build(lambda x: blocks.double_conv(x, 6, config, dilation=2), (7, 8, 4))
    (x,) = draw((2, 7, 8, 4))
    y = act(conv(act(conv(x, weights[3, 3, 4, 6], 2)), weights[3, 3, 6, 6], 2))
    if residual:
        y = y + conv(x, weights[1, 1, 4, 6])
    if se:
        y = y * channel_weights(y, weights[6, 2], weights[2, 6])
    np.testing.assert_allclose(model(x), y, **CLOSE)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_residual_bottleneck(activation: Any) -> None:
    config = ModelConfig(norm="none", bottleneck="residual", dilation=2, activation=activation)
    act = ACTIVATIONS[activation]
    model, weights = build(lambda x: bottleneck(x, 6, config), (7, 8, 4))
    (x,) = draw((2, 7, 8, 4))
    inner = conv(act(conv(x, weights[3, 3, 4, 6], 2)), weights[3, 3, 6, 6], 2)
    np.testing.assert_allclose(model(x), act(inner + conv(x, weights[1, 1, 4, 6])), **CLOSE)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_gated_bottleneck(activation: Any) -> None:
    config = ModelConfig(norm="none", bottleneck="gated", dilation=2, se_ratio=2, activation=activation)
    act = ACTIVATIONS[activation]
    model, weights = build(lambda x: bottleneck(x, 8, config), (7, 8, 3))
    (x,) = draw((2, 7, 8, 3))
    inner = act(conv(act(conv(x, weights[1, 1, 3, 2])), weights[3, 3, 2, 2], 2))
    y = conv(inner, weights[1, 1, 2, 8])
    channels = channel_weights(y, weights[8, 4], weights[4, 8])
    y = y * channels * sigmoid(dense(channels, weights[8, 1]))
    np.testing.assert_allclose(model(x), act(y + conv(x, weights[1, 1, 3, 8])), **CLOSE)


@pytest.mark.parametrize("kind", ["residual", "gated"])
def test_a_bottleneck_normalises_every_convolution(kind: Any) -> None:
    x = keras.Input((8, 8, 4))
    model = keras.Model(x, bottleneck(x, 8, ModelConfig(bottleneck=kind, norm="batch", bias=True)))
    kinds = [type(layer) for layer in model.layers]
    assert kinds.count(layers.Conv2D) == kinds.count(layers.BatchNormalization) == {"residual": 3, "gated": 4}[kind]
    assert all(layer.use_bias for layer in model.layers if isinstance(layer, layers.Conv2D))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_additive_gate_weighs_the_skips_pixels(activation: Any) -> None:
    """By its own ReLU, whatever the activation of the blocks."""
    config = ModelConfig(attention=True, gate="additive", activation=activation)
    model, weights = build(lambda skip, gating: gate(skip, gating, config), (5, 6, 4), (5, 6, 7))
    skip, gating = draw((2, 5, 6, 4), (2, 5, 6, 7))
    passed, gated = model([skip, gating])
    np.testing.assert_array_equal(passed, gating)
    joint = relu(conv(skip, weights[1, 1, 4, 2]) + conv(gating, weights[1, 1, 7, 2]))
    np.testing.assert_allclose(gated, skip * sigmoid(conv(joint, weights[1, 1, 2, 1])), **CLOSE)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_concatenated_gate_adds_the_weighed_skip(activation: Any) -> None:
    """By its own ReLU, whatever the activation of the blocks."""
    config = ModelConfig(attention=True, gate="concatenated", activation=activation)
    model, weights = build(lambda skip, gating: gate(skip, gating, config), (5, 6, 4), (5, 6, 4))
    skip, gating = draw((2, 5, 6, 4), (2, 5, 6, 4))
    gated, passed = model([skip, gating])
    np.testing.assert_array_equal(passed, skip)
    joint = relu(conv(np.concatenate([gating, skip], -1), weights[3, 3, 8, 4]))
    np.testing.assert_allclose(gated, gating + skip * sigmoid(conv(joint, weights[1, 1, 4, 1])), **CLOSE)


def test_without_a_gate_both_tensors_pass() -> None:
    skip, gating = keras.Input((5, 6, 4)), keras.Input((5, 6, 7))
    assert gate(skip, gating, PLAIN) == [gating, skip]


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("kernel", [2, 3])
def test_a_transposed_convolution_spreads_each_pixel(kernel: Any, activation: Any) -> None:
    """Kernel 2: each pixel becomes a square. Kernel 3: squares overlap by one pixel, and the activation follows."""
    config = ModelConfig(upsampling="transpose", transpose_kernel=kernel, activation=activation)
    model, weights = build(lambda x: blocks.upsample(x, 3, config), (4, 5, 2))
    (x,) = draw((2, 4, 5, 2))
    matrix, bias = weights[kernel, kernel, 3, 2]
    y = np.zeros((2, 9, 11, 3)) + bias
    for row, column in np.ndindex(4, 5):
        square = np.einsum("bc,ijfc->bijf", x[:, row, column], matrix)
        y[:, 2 * row : 2 * row + kernel, 2 * column : 2 * column + kernel] += square
    y = y[:, :8, :10]
    np.testing.assert_allclose(model(x), ACTIVATIONS[activation](y) if kernel == 3 else y, **CLOSE)


def test_nearest_upsampling_repeats_pixels() -> None:
    model, weights = build(lambda x: blocks.upsample(x, 3, ModelConfig(upsampling="nearest")), (4, 5, 2))
    (x,) = draw((2, 4, 5, 2))
    narrowed = conv(x, weights[1, 1, 2, 3])
    np.testing.assert_allclose(model(x), narrowed.repeat(2, 1).repeat(2, 2), **CLOSE)


def test_bilinear_upsampling_interpolates() -> None:
    """Each new pixel is at a quarter of the distance between two old ones."""
    x = np.arange(5, dtype=np.float32).reshape(1, 1, 5, 1).repeat(4, 1)
    wide = ModelConfig(upsampling="bilinear", narrow=False)
    model, _ = build(lambda x: blocks.upsample(x, 3, wide), (4, 5, 1))
    row = [0, *(pixel + 0.25 + 0.5 * half for pixel in range(4) for half in range(2)), 4]
    np.testing.assert_allclose(np.asarray(model(x))[0, ..., 0], np.array([row] * 8), **CLOSE)


def test_a_gate_that_adds_makes_upsampling_narrow() -> None:
    wide = ModelConfig(upsampling="nearest", narrow=False)
    added = ModelConfig(upsampling="nearest", narrow=False, attention=True, gate="concatenated")
    x = keras.Input((4, 4, 16))
    assert blocks.upsample(x, 8, wide).shape == (None, 8, 8, 16)
    assert blocks.upsample(x, 8, added).shape == (None, 8, 8, 8)


def test_the_restored_resolution_is_smooth_before_training() -> None:
    """A uniform map stays uniform: depth-to-space, which would show a checkerboard, starts at zero."""
    x, pixels = keras.Input((4, 5, 8)), keras.Input((8, 10, 1))
    model = keras.Model(x, restore_resolution(x, pixels, ModelConfig(width=12, norm="none")))
    out = np.asarray(model(np.ones((1, 4, 5, 8), np.float32)))
    assert out.shape == (1, 8, 10, 6)
    inner = out[:, 1:-1, 1:-1]  # the 3x3 convolution sees zeros beyond the edge
    np.testing.assert_allclose(inner, np.broadcast_to(inner[:, :1, :1], inner.shape), **CLOSE)
    assert inner.any()


@pytest.mark.parametrize("full_skip", [False, True])
def test_the_resolution_is_restored_beside_a_block_of_the_image(full_skip: bool) -> None:
    config = PLAIN.model_copy(update={"width": 12, "full_skip": full_skip, "activation": "leaky_relu"})
    model, weights = build(lambda x, pixels: restore_resolution(x, pixels, config), (4, 5, 8), (8, 10, 3))
    x, pixels = draw((2, 4, 5, 8), (2, 8, 10, 3))
    act = ACTIVATIONS["leaky_relu"]
    joint = enlarge(conv(x, weights[1, 1, 8, 6]), 2) + depth_to_space(conv(x, weights[1, 1, 8, 24]))
    if full_skip:
        skip = act(conv(act(conv(pixels, weights[3, 3, 3, 6])), weights[3, 3, 6, 6]))
        expected = act(conv(np.concatenate([joint, skip], -1), weights[3, 3, 12, 6]))
    else:
        expected = act(conv(joint, weights[3, 3, 6, 6]))
    np.testing.assert_allclose(model([x, pixels]), expected, **CLOSE)


def test_dropout_drops_whole_channels_or_single_values() -> None:
    x = np.ones((1, 8, 8, 64), np.float32)
    inputs = keras.Input((8, 8, 64))
    for kind, whole in (("channels", True), ("values", False)):
        model = keras.Model(inputs, blocks.dropout(inputs, 0.25, ModelConfig(dropout_kind=kind)))
        out = np.asarray(model(x, training=True))
        np.testing.assert_allclose(out[out != 0], 1 / 0.75, **CLOSE)
        dropped = out == 0
        assert 0.05 < dropped.mean() < 0.5
        assert (dropped.all((1, 2)) == dropped.any((1, 2))).all() == whole
        np.testing.assert_array_equal(model(x), x)  # not when predicting


@pytest.mark.parametrize("label", [0, 1, 3])
def test_a_masked_class_is_inserted_at_its_label(label: int) -> None:
    model, _ = build(lambda x: blocks.insert_masked_class(x, label), (2, 2, 3))
    (x,) = draw((1, 2, 2, 3))
    np.testing.assert_array_equal(model(x), np.insert(x, label, -1e4, -1))
