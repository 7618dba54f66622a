"""The family of networks."""

from itertools import product
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from trainer.config import ModelConfig
from trainer.errors import InputError
from trainer.model.unet import build_model, count_parameters

SHAPE = (16, 32, 1)


def logits_of(model: keras.Model, shape: tuple[int, int, int] = SHAPE, batch: int = 2) -> Any:
    images = np.random.default_rng(0).integers(0, 256, (batch, *shape), np.uint8)
    return np.asarray(model(images))


@pytest.mark.parametrize(
    ("norm", "upsampling"), list(product(["none", "batch", "layer", "group"], ["transpose", "nearest"]))
)
def test_logits_have_the_images_size(norm: Any, upsampling: Any) -> None:
    config = ModelConfig(depth=2, width=4, norm=norm, upsampling=upsampling, attention=True)
    logits = logits_of(build_model(config, SHAPE, 5, 0))
    assert logits.shape == (2, 16, 32, 5)
    assert logits.dtype == np.float32


@pytest.mark.parametrize(
    "changes",
    [
        {"residual": False, "se": False},
        {"dilation": 3, "l1": 1e-4, "l2": 1e-3},
        {"stem": 1, "depth": 4},
        {"stem": 2, "depth": 1, "upsampling": "bilinear"},
        {"dropout": 0.0},
    ],
)
def test_every_member_of_the_family_gives_finite_logits(changes: dict[str, Any]) -> None:
    config = ModelConfig(**({"depth": 2, "width": 4} | changes))
    assert np.isfinite(logits_of(build_model(config, SHAPE, 3))).all()


@pytest.mark.parametrize("never", [0, 2, 4])
def test_a_class_left_out_is_never_predicted(never: int) -> None:
    logits = logits_of(build_model(ModelConfig(depth=1, width=4), SHAPE, 5, never))
    assert (logits[..., never] == -1e4).all()
    assert (logits.argmax(-1) != never).all()
    assert (np.delete(logits, never, -1) > -1e3).all()


def test_colour_images_are_taken() -> None:
    model = build_model(ModelConfig(depth=1, width=4), (16, 16, 3), 2)
    assert logits_of(model, (16, 16, 3)).shape == (2, 16, 16, 2)


def test_sizes_that_do_not_divide_are_refused() -> None:
    with pytest.raises(InputError, match=r"multiples of 32 with model\.depth 5 and model\.stem 1; got 60x100"):
        build_model(ModelConfig(depth=5, stem=1), (60, 100, 1), 5)


def test_group_normalisation_normalises_groups_of_channels() -> None:
    """Not the batch: an image's logits do not depend on its neighbours, in training either."""
    model = build_model(ModelConfig(depth=1, width=8, norm="group", dropout=0), SHAPE, 3)
    assert not any(isinstance(layer, keras.layers.BatchNormalization) for layer in model.layers)
    assert any(isinstance(layer, keras.layers.GroupNormalization) and layer.groups == 8 for layer in model.layers)
    images = np.random.default_rng(0).integers(0, 256, (3, *SHAPE), np.uint8)
    together = np.asarray(model(images, training=True))
    alone = np.asarray(model(images[:1], training=True))
    np.testing.assert_allclose(together[:1], alone, atol=1e-4)


def test_penalties_reach_the_loss() -> None:
    assert not build_model(ModelConfig(depth=1, width=4), SHAPE, 3).losses
    assert build_model(ModelConfig(depth=1, width=4, l2=1e-3), SHAPE, 3).losses


def test_the_parameters_of_a_plain_network_are_those_of_its_layers() -> None:
    """Depth 1, width 4, no extras: kernels and biases counted by hand."""
    config = ModelConfig(
        depth=1, width=4, norm="none", residual=False, se=False, upsampling="transpose", stem=1, dropout=0
    )
    encoder = (9 * 1 * 4 + 4) + (9 * 4 * 4 + 4)
    bottleneck = (9 * 4 * 8 + 8) + (9 * 8 * 8 + 8)
    decoder = (4 * 8 * 4 + 4) + (9 * 8 * 4 + 4) + (9 * 4 * 4 + 4)
    assert count_parameters(config, SHAPE, 3) == encoder + bottleneck + decoder + (4 * 3 + 3)


def test_mixed_precision_gives_logits_in_float32() -> None:
    model = build_model(ModelConfig(depth=1, width=4, precision="mixed_bfloat16"), SHAPE, 3, 0)
    assert logits_of(model).dtype == np.float32
    assert keras.config.dtype_policy().name == "float32"


def test_a_saved_model_loads_in_safe_mode(tmp_path: Path) -> None:
    config = ModelConfig(depth=2, width=4, attention=True, norm="group", stem=2)
    model = build_model(config, SHAPE, 5, 2)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_array_equal(logits_of(loaded), logits_of(model))
