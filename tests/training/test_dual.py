"""Two U-Nets that see the same image."""

from itertools import product
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.training.test_unet import logits_of
from trainer.config import ModelConfig
from trainer.errors import InputError
from trainer.model.dual import weighted
from trainer.model.unet import build_model, count_parameters

SHAPE = (16, 32, 1)
PLAIN = {"width": 4, "residual": False, "se": False, "norm": "none"}


@pytest.mark.parametrize(("fusion", "scale"), list(product(["concatenate", "weighted", "attention"], [1, 2])))
def test_a_saved_dual_network_loads_in_safe_mode(fusion: Any, scale: Any, tmp_path: Path) -> None:
    config = ModelConfig(depth=2, width=4, coarse_depth=1, fusion=fusion, coarse_scale=scale, stem=1)
    model = build_model(config, SHAPE, 5, 0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    logits = logits_of(loaded)
    assert logits.shape == (2, 16, 32, 5) and logits.dtype == np.float32
    assert (logits[..., 0] == -1e4).all()
    np.testing.assert_array_equal(logits, logits_of(model))


def test_a_dual_network_has_the_parameters_of_both_and_of_the_fusion() -> None:
    fine, coarse = (ModelConfig(**PLAIN, depth=depth, stem=1) for depth in (3, 1))
    both = sum(count_parameters(config, SHAPE, 3) for config in (fine, coarse))
    extra = {"concatenate": 6 * 3 + 3, "weighted": 1, "attention": 9 * 6 + 1}
    for fusion, parameters in extra.items():
        config = ModelConfig(**PLAIN, depth=3, coarse_depth=1, stem=1, fusion=fusion)
        assert count_parameters(config, SHAPE, 3) == both + parameters


def test_the_learned_weight_starts_in_the_middle() -> None:
    coarse, fine = keras.Input((2, 2, 3)), keras.Input((2, 2, 3))
    model = keras.Model([coarse, fine], weighted(coarse, fine))
    zeros, ones = np.zeros((1, 2, 2, 3), np.float32), np.ones((1, 2, 2, 3), np.float32)
    np.testing.assert_allclose(np.asarray(model([zeros, ones])), 0.5 * ones)


def test_the_coarse_one_decides_which_sizes_suit_too() -> None:
    config = ModelConfig(depth=2, stem=1, fusion="weighted", coarse_depth=3, coarse_scale=2)
    with pytest.raises(InputError, match=r"multiples of 16 with .*model\.coarse_depth 3 and model\.coarse_scale 2"):
        build_model(config, (24, 24, 1), 3)
    build_model(config, (16, 32, 1), 3)
