"""The two networks of one training: deep supervision, and the momentum of batch normalisation."""

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from tests.training.numpy_layers import conv, enlarge
from trainer.config import ModelConfig
from trainer.model.unet import build_model, build_networks

SHAPE = (16, 32, 1)
TINY = ModelConfig(depth=2, width=4, dropout=0, deep_supervision=True)


def with_changes(**changes: Any) -> ModelConfig:
    return TINY.model_copy(update=changes)


def draw_images(shape: tuple[int, int, int] = SHAPE) -> Any:
    return np.random.default_rng(0).integers(0, 256, (2, *shape), np.uint8)


def auxiliary_maps(network: keras.Model, trained: keras.Model) -> list[Any]:
    """The layers with weights that training alone has, finest first."""
    own = {id(layer) for layer in network.layers}
    return [layer for layer in trained.layers if id(layer) not in own and layer.weights]


def test_without_deep_supervision_the_trained_network_is_the_network() -> None:
    network, trained = build_networks(with_changes(deep_supervision=False), SHAPE, 3)
    assert trained is network


@pytest.mark.parametrize(("depth", "maps"), [(1, 1), (2, 2), (3, 3), (4, 3)])
@pytest.mark.parametrize("fusion", ["none", "weighted"])
def test_deep_supervision_has_a_map_for_each_of_the_finest_levels(depth: int, maps: int, fusion: Any) -> None:
    """Those of the fine U-Net, whose levels they are, if there is a coarse one of depth 2 too."""
    config = with_changes(depth=depth, fusion=fusion, stem=1, coarse_depth=2)
    network, trained = build_networks(config, SHAPE, 5, 0)
    logits = np.asarray(trained(draw_images()))
    assert logits.shape == (2, maps, 16, 32, 5)
    assert logits.dtype == np.float32
    np.testing.assert_allclose(logits[:, 0], network(draw_images()), rtol=1e-5, atol=1e-5)
    inputs = [tuple(layer.input.shape[1:]) for layer in auxiliary_maps(network, trained)]
    assert inputs == [(16 >> level, 32 >> level, 4 << level) for level in range(1, maps)]


@pytest.mark.parametrize("shape", [SHAPE, (13, 21, 1)])
@pytest.mark.parametrize("stem", [1, 2])
@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_the_map_of_a_deeper_level_is_enlarged_to_the_images_size(shape: Any, stem: Any, precision: Any) -> None:
    network, trained = build_networks(with_changes(depth=3, stem=stem, precision=precision), shape, 4)
    heads = auxiliary_maps(network, trained)
    *levels, logits = keras.Model(trained.inputs[0], [*(head.input for head in heads), trained.output])(
        draw_images(shape)
    )
    assert len(heads) == 2
    for number, (head, level) in enumerate(zip(heads, levels, strict=True), 1):
        weights = np.asarray(head.kernel), np.asarray(head.bias)
        expected = enlarge(conv(np.asarray(level, np.float32), weights), stem * 2**number)
        found = np.asarray(logits)[:, number]
        np.testing.assert_allclose(found, expected[:, : shape[0], : shape[1]], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("masked", [0, 2, 4])
def test_no_map_predicts_the_masked_class(masked: int) -> None:
    _, trained = build_networks(with_changes(depth=3), SHAPE, 5, masked)
    logits = np.asarray(trained(draw_images()))
    assert (logits[..., masked] == -1e4).all()
    assert (np.delete(logits, masked, -1) > -1e3).all()


def test_the_maps_of_deep_supervision_are_not_counted() -> None:
    config = with_changes(depth=3)
    network, trained = build_networks(config, SHAPE, 5, 0)
    plain = build_model(with_changes(depth=3, deep_supervision=False), SHAPE, 5, 0).count_params()
    assert network.count_params() == plain
    assert trained.count_params() == plain + (8 * 4 + 4) + (16 * 4 + 4)


def test_the_trained_network_has_the_networks_variables() -> None:
    network, trained = build_networks(with_changes(depth=3), SHAPE, 3)
    own, all_of_them = ({id(variable) for variable in model.variables} for model in (network, trained))
    assert own < all_of_them
    assert len(all_of_them - own) == 2 * 2


def test_deep_supervision_does_not_change_the_first_weights() -> None:
    first = []
    for deep_supervision in (False, True):
        keras.utils.set_random_seed(3)
        first.append(build_model(with_changes(depth=3, deep_supervision=deep_supervision), SHAPE, 3).get_weights())
    for one, other in zip(*first, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("momentum", [0.5, 0.9])
def test_running_statistics_keep_the_given_share(momentum: float) -> None:
    network, trained = build_networks(TINY, SHAPE, 3, momentum=momentum)
    norms = [layer for layer in network.layers if isinstance(layer, layers.BatchNormalization)]
    assert len(norms) == 5 * 2 + 1
    sources = keras.Model(network.inputs[0], [layer.input for layer in norms])(draw_images(), training=True)
    for norm in norms:  # that call was a step too
        norm.moving_mean.assign(np.ones(norm.moving_mean.shape))
    trained(draw_images(), training=True)
    for norm, source in zip(norms, sources, strict=True):
        expected = momentum + (1 - momentum) * np.asarray(source).mean((0, 1, 2))
        np.testing.assert_allclose(norm.moving_mean, expected, rtol=1e-4, atol=1e-4)


def test_running_statistics_keep_nine_tenths_by_default() -> None:
    network = build_model(TINY, SHAPE, 3)
    assert {layer.momentum for layer in network.layers if isinstance(layer, layers.BatchNormalization)} == {0.9}
