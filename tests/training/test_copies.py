"""Copies of a network: a clone, and a saved model that another process loads without this package."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from tests.training.elsewhere import predict_elsewhere
from trainer.config import ModelConfig
from trainer.model.unet import build_networks

SHAPE = (14, 16, 1)  # padded to 16 x 16
TINY: dict[str, Any] = {"depth": 1, "width": 4, "coarse_depth": 1}
NETWORKS: dict[str, dict[str, Any]] = {
    "none": {"norm": "none", "attention": True},
    "batch": {"norm": "batch", "fusion": "concatenate", "coarse_scale": 2},
    "layer": {"norm": "layer", "stem": 1, "bottleneck": "residual"},
    "group": {"norm": "group", "fusion": "weighted", "upsampling": "nearest"},
    "instance": {"norm": "instance", "activation": "leaky_relu", "fusion": "attention"},
    "standardise": {"standardise": True, "bottleneck": "gated", "upsampling": "transpose", "transpose_kernel": 3},
    "full_skip": {"full_skip": True, "norm": "instance", "activation": "leaky_relu", "standardise": True, "se": False},
    "mixed_bfloat16": {"precision": "mixed_bfloat16", "standardise": True, "max_width": 6},
    "mixed_float16": {"precision": "mixed_float16", "attention": True, "gate": "concatenated"},
}


def build_trained(name: str, masked: int | None) -> keras.Model:
    """The network, with other weights than those of any new one: no two variables agree."""
    network, _ = build_networks(ModelConfig(**(TINY | NETWORKS[name])), SHAPE, 4, masked)
    generator = np.random.default_rng(0)
    network.set_weights([w + generator.uniform(-0.1, 0.1, w.shape) for w in network.get_weights()])
    return network


def draw_images() -> Any:
    return np.random.default_rng(1).integers(0, 256, (2, *SHAPE), np.uint8)


@pytest.mark.parametrize(("name", "masked"), [*((name, 2) for name in NETWORKS), ("batch", None), ("batch", 0)])
def test_a_clone_takes_the_weights_in_their_order(name: str, masked: int | None) -> None:
    network = build_trained(name, masked)
    clone = keras.models.clone_model(network)
    kinds = [[(w.name, w.shape, w.trainable) for w in model.weights] for model in (network, clone)]
    assert kinds[0] == kinds[1]
    clone.set_weights(network.get_weights())
    logits = np.asarray(clone(draw_images()))
    assert np.ptp(logits) > 0.1
    np.testing.assert_array_equal(logits, network(draw_images()))


def test_a_clone_has_weights_of_its_own() -> None:
    network = build_trained("batch", 0)
    clone = keras.models.clone_model(network)
    assert not {id(w) for w in network.variables} & {id(w) for w in clone.variables}


def test_a_clone_keeps_the_momentum_of_its_statistics() -> None:
    network, _ = build_networks(ModelConfig(**TINY), SHAPE, 4, momentum=0.7)
    clone = keras.models.clone_model(network)
    assert {layer.momentum for layer in clone.layers if isinstance(layer, layers.BatchNormalization)} == {0.7}


@pytest.mark.parametrize(("name", "close"), [("full_skip", 1e-4), ("mixed_bfloat16", 1e-2)])
def test_a_saved_network_computes_the_same_elsewhere(name: str, close: float, tmp_path: Path) -> None:
    """In safe mode, which loads no code of ours: built-in layers and operations alone."""
    network = build_trained(name, 2)
    network.save(tmp_path / f"{name}.keras")
    (logits,) = predict_elsewhere([tmp_path / f"{name}.keras"], draw_images(), tmp_path)
    np.testing.assert_allclose(logits, network(draw_images()), rtol=close, atol=close)
