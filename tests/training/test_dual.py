"""Two U-Nets on the same image."""

from itertools import product
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.training.numpy_layers import build, conv, draw, sigmoid
from tests.training.test_unet import logits_of
from trainer.config import ModelConfig
from trainer.model import dual
from trainer.model.unet import build_model

SHAPE = (16, 32, 1)
PLAIN: dict[str, Any] = {"width": 4, "stem": 1, "residual": False, "se": False, "norm": "none"}


@pytest.mark.parametrize(("fusion", "scale"), list(product(["concatenate", "weighted", "attention"], [1, 2])))
def test_a_saved_dual_network_loads_in_safe_mode(fusion: Any, scale: Any, tmp_path: Path) -> None:
    config = ModelConfig(**PLAIN, depth=1, coarse_depth=1, fusion=fusion, coarse_scale=scale)
    model = build_model(config, SHAPE, 5, 0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    logits = logits_of(loaded)
    assert logits.shape == (2, 16, 32, 5) and logits.dtype == np.float32
    assert (logits[..., 0] == -1e4).all()
    np.testing.assert_array_equal(logits, logits_of(model))


def test_a_dual_network_has_the_parameters_of_both_and_of_the_fusion() -> None:
    both = sum(build_model(ModelConfig(**PLAIN, depth=depth), SHAPE, 3).count_params() for depth in (3, 1))
    more = {"concatenate": 6 * 3 + 3, "weighted": 1, "attention": 9 * 6 + 1}
    for fusion, parameters in more.items():
        config = ModelConfig(**PLAIN, depth=3, coarse_depth=1, fusion=fusion)
        assert build_model(config, SHAPE, 3).count_params() == both + parameters


def test_the_learned_weight_starts_in_the_middle() -> None:
    coarse, fine = keras.Input((2, 3, 4)), keras.Input((2, 3, 4))
    model = keras.Model([coarse, fine], dual.fuse_weighted(coarse, fine))
    maps = draw((1, 2, 3, 4), (1, 2, 3, 4))
    np.testing.assert_allclose(model(maps), (maps[0] + maps[1]) / 2, rtol=1e-5)
    model.set_weights([np.full((1, 1), 0.25)])
    np.testing.assert_allclose(model(maps), 0.75 * maps[0] + 0.25 * maps[1], rtol=1e-4, atol=1e-6)


def test_the_attention_of_a_fusion_weighs_each_pixel() -> None:
    model, weights = build(dual.fuse_attention, (5, 6, 4), (5, 6, 4))
    coarse, fine = draw((2, 5, 6, 4), (2, 5, 6, 4))
    weight = sigmoid(conv(np.concatenate([coarse, fine], -1), weights[3, 3, 8, 1]))
    np.testing.assert_allclose(model([coarse, fine]), weight * fine + (1 - weight) * coarse, rtol=1e-4, atol=1e-5)


def test_a_coarse_network_may_work_at_half_the_resolution() -> None:
    """It sees means of 2x2 pixels: images that agree in these have one map."""
    inputs = keras.Input((8, 8, 1))
    config = ModelConfig(**PLAIN, depth=1, coarse_scale=2, dropout=0)
    model = keras.Model(inputs, dual.coarse_branch(inputs, config, 3))
    (means,) = draw((1, 4, 4, 1))
    flat = means.repeat(2, 1).repeat(2, 2)
    checkerboard = flat + np.indices((8, 8)).sum(0)[..., None] % 2 - 0.5
    logits = np.asarray(model(flat))
    assert logits.shape == (1, 8, 8, 3)
    assert np.ptp(logits) > 0
    np.testing.assert_allclose(model(checkerboard), logits, atol=1e-5)


def test_the_size_suits_the_coarse_network_too() -> None:
    config = ModelConfig(depth=1, stem=1, width=2, fusion="weighted", coarse_depth=2, coarse_scale=2)
    model = build_model(config, (20, 27, 1), 3)
    (padding,) = (layer for layer in model.layers if isinstance(layer, keras.layers.ZeroPadding2D))
    assert padding.output.shape == (None, 24, 32, 1)
    assert model.output_shape == (None, 20, 27, 3)
