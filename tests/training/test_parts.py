"""Bottlenecks, gates, dropout and penalties by place."""

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from trainer.config import ModelConfig
from trainer.model.blocks import drop, upsample
from trainer.model.bottleneck import bottleneck
from trainer.model.branch import branch, dropout_rate
from trainer.model.gates import gate

SHAPE = (8, 8, 4)


def parameters(build: Any, *shapes: tuple[int, int, int]) -> int:
    inputs = [keras.Input(shape) for shape in shapes]
    return int(keras.Model(inputs, build(*inputs)).count_params())


def test_the_gated_bottleneck_has_the_reports_layers() -> None:
    """4 to 16 filters: 1x1 to 4, 3x3, 1x1 to 16, all normalised; SE; one gate; a normalised projection."""
    config = ModelConfig(bottleneck="gated", bias=True, norm="batch", se_ratio=8)
    convolutions = (4 * 4 + 4) + (9 * 4 * 4 + 4) + (4 * 16 + 16) + (4 * 16 + 16)
    norms = 4 * (4 + 4 + 16 + 16)
    excitation = (16 * 2 + 2) + (2 * 16 + 16) + (16 + 1)
    assert parameters(lambda x: bottleneck(x, 16, config), SHAPE) == convolutions + norms + excitation


def test_the_residual_bottleneck_has_a_normalised_shortcut() -> None:
    config = ModelConfig(bottleneck="residual", bias=True, norm="batch")
    convolutions = (9 * 4 * 8 + 8) + (9 * 8 * 8 + 8) + (4 * 8 + 8)
    assert parameters(lambda x: bottleneck(x, 8, config), SHAPE) == convolutions + 3 * 4 * 8


@pytest.mark.parametrize("kind", ["residual", "gated"])
def test_a_bottleneck_ends_in_a_relu(kind: Any) -> None:
    inputs = keras.Input(SHAPE)
    model = keras.Model(inputs, bottleneck(inputs, 8, ModelConfig(bottleneck=kind)))
    out = np.asarray(model(np.random.default_rng(0).normal(size=(2, *SHAPE)).astype(np.float32)))
    assert out.min() == 0 and out.max() > 0


def test_the_concatenated_gate_adds_the_weighed_skip() -> None:
    """Its second tensor is the skip; its first lies between what comes up and that plus the skip."""
    up, skip = keras.Input(SHAPE), keras.Input(SHAPE)
    model = keras.Model([up, skip], gate(skip, up, ModelConfig(attention=True, gate="concatenated")))
    generator = np.random.default_rng(0)
    given = [generator.uniform(0, 1, (2, *SHAPE)).astype(np.float32) for _ in range(2)]
    gated, passed = (np.asarray(tensor) for tensor in model(given))
    np.testing.assert_array_equal(passed, given[1])
    weight = (gated - given[0]) / given[1]
    assert 0 < weight.min() and weight.max() < 1
    np.testing.assert_allclose(weight, weight[..., :1].repeat(4, -1), atol=1e-3)  # one weight a pixel


def test_a_gate_that_adds_makes_upsampling_narrow() -> None:
    wide = ModelConfig(upsampling="nearest", narrow=False)
    added = ModelConfig(upsampling="nearest", narrow=False, attention=True, gate="concatenated")
    x = keras.Input((4, 4, 16))
    assert upsample(x, 8, wide).shape == (None, 8, 8, 16)
    assert upsample(x, 8, added).shape == (None, 8, 8, 8)


@pytest.mark.parametrize("kernel", [2, 3])
def test_transposed_convolutions_double_the_size(kernel: Any) -> None:
    config = ModelConfig(upsampling="transpose", transpose_kernel=kernel)
    assert parameters(lambda x: upsample(x, 3, config), SHAPE) == kernel**2 * 4 * 3 + 3
    assert upsample(keras.Input(SHAPE), 3, config).shape == (None, 16, 16, 3)


def test_dropout_grows_with_the_level() -> None:
    config = ModelConfig(depth=3, dropout=0.2, dropout_step=0.1, dropout_at="encoder")
    assert [dropout_rate(config, level) for level in range(4)] == pytest.approx([0.2, 0.3, 0.4, 0.0])
    assert dropout_rate(ModelConfig(dropout=0.2, dropout_at="decoder"), 0) == 0
    assert dropout_rate(ModelConfig(depth=2, dropout=0.1), 2) == pytest.approx(0.1)


@pytest.mark.parametrize(("place", "count"), [("levels", 3), ("encoder", 2), ("decoder", 1)])
def test_dropout_stands_where_it_is_configured(place: Any, count: int) -> None:
    inputs = keras.Input((16, 16, 1))
    config = ModelConfig(depth=2, width=4, stem=1, dropout_at=place, dropout_kind="values")
    model = keras.Model(inputs, branch(inputs, config, 3))
    assert sum(type(layer) is layers.Dropout for layer in model.layers) == count


def test_channels_are_dropped_whole() -> None:
    x = np.ones((1, 8, 8, 64), np.float32)
    inputs = keras.Input((8, 8, 64))
    for kind, whole in (("channels", True), ("values", False)):
        model = keras.Model(inputs, drop(inputs, 0.5, ModelConfig(dropout_kind=kind)))
        dropped = np.asarray(model(x, training=True)) == 0
        assert dropped.any()
        assert (dropped.all((1, 2)) == dropped.any((1, 2))).all() == whole


def test_penalties_go_by_place() -> None:
    inputs = keras.Input((16, 16, 1))
    config = ModelConfig(depth=1, width=4, stem=1, l2=0.0, bottleneck_l1=0.5, decoder_l2=0.25, bottleneck="gated")
    model = keras.Model(inputs, branch(inputs, config, 3))
    found = [
        (float(layer.kernel_regularizer.l1), float(layer.kernel_regularizer.l2))
        for layer in model.layers
        if getattr(layer, "kernel_regularizer", None) is not None
    ]
    assert found == [(0.5, 0.0)] * 4 + [(0.0, 0.25)] * (len(found) - 4)
    assert len(found) > 6
