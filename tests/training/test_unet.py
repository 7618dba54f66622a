"""Networks: sizes, parameters, penalties, dropout, and what is saved."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from trainer.config import ModelConfig
from trainer.model.branch import dropout_rate, level_filters
from trainer.model.shape import padded_size
from trainer.model.unet import build_model, count_trainable

SHAPE = (16, 32, 1)
# Depth 1, width 4: blocks of 4, 8 and 4 filters, on 1, 4 and 4 + 4 channels.
PLAIN: dict[str, Any] = {
    "depth": 1,
    "width": 4,
    "stem": 1,
    "norm": "none",
    "residual": False,
    "se": False,
    "dropout": 0,
    "upsampling": "transpose",
}
PLAIN_PARAMETERS = 40 + 148 + 296 + 584 + 132 + 292 + 148 + 15  # the convolutions in their order, the last to 3 classes


def logits_of(model: keras.Model, shape: tuple[int, int, int] = SHAPE) -> Any:
    images = np.random.default_rng(0).integers(0, 256, (2, *shape), np.uint8)
    return np.asarray(model(images))


def convolutions(model: keras.Model) -> list[Any]:
    return [layer for layer in model.layers if isinstance(layer, layers.Conv2D | layers.Conv2DTranspose)]


@pytest.mark.parametrize(
    ("changes", "more"),
    [
        ({}, 0),
        ({"residual": True}, 8 + 40 + 36),
        ({"se": True, "se_ratio": 4}, 13 + 42 + 13),
        ({"norm": "batch"}, 4 * 32 - 32),  # four values for each of 32 channels, without the biases
        ({"norm": "batch", "bias": True}, 4 * 32),
        ({"norm": "layer"}, 2 * 32 - 32),
        ({"norm": "group", "bias": True}, 2 * 32),
        ({"norm": "instance"}, 2 * 32 - 32),
        ({"attention": True}, 10 + 10 + 3),
        ({"attention": True, "gate": "concatenated"}, 292 + 5),
        ({"bottleneck": "residual"}, 40),
        ({"bottleneck": "gated"}, (10 + 38 + 24 + 40) + (9 + 16 + 9) - (296 + 584)),
        ({"upsampling": "bilinear"}, 36 - 132),
        ({"upsampling": "nearest", "narrow": False}, 9 * 4 * 4 - 132),
        ({"transpose_kernel": 3}, 5 * 8 * 4),
        ({"stem": 2}, 9 * 3 * 4 + 20 + 80 + 148),
        ({"stem": 2, "full_skip": True}, 9 * 3 * 4 + 20 + 80 + 148 + (40 + 148 + 9 * 4 * 4)),
        ({"full_skip": True}, 0),  # a stem of stride 1 has its blocks at full resolution anyway
        ({"activation": "leaky_relu"}, 0),
        ({"standardise": True}, 0),
        ({"deep_supervision": True, "depth": 1}, 0),
        ({"max_width": 4}, 148 + 148 + 68 + 292 - (296 + 584 + 132 + 292)),
        ({"width": 6}, 60 + 330 + 660 + 1308 + 294 + 654 + 330 + 21 - PLAIN_PARAMETERS),
    ],
)
def test_an_option_has_its_parameters(changes: dict[str, Any], more: int) -> None:
    assert build_model(ModelConfig(**(PLAIN | changes)), SHAPE, 3).count_params() == PLAIN_PARAMETERS + more


def test_running_statistics_are_not_trainable() -> None:
    model = build_model(ModelConfig(**(PLAIN | {"norm": "batch"})), SHAPE, 3)
    assert model.count_params() - count_trainable(model) == 2 * 32


@pytest.mark.parametrize(
    ("norm", "upsampling", "kind"),
    [
        ("none", "transpose", None),
        ("batch", "nearest", layers.BatchNormalization),
        ("layer", "bilinear", layers.LayerNormalization),
        ("group", "transpose", layers.GroupNormalization),
        ("instance", "bilinear", layers.GroupNormalization),
    ],
)
def test_logits_have_the_images_size(norm: Any, upsampling: Any, kind: type | None) -> None:
    """And every convolution of the five blocks and of the stem is normalised."""
    config = ModelConfig(depth=2, width=4, norm=norm, upsampling=upsampling, attention=True)
    model = build_model(config, SHAPE, 5, 0)
    logits = logits_of(model)
    assert logits.shape == (2, 16, 32, 5)
    assert logits.dtype == np.float32
    norms = [type(layer) for layer in model.layers if "Normalization" in type(layer).__name__]
    assert norms == ([kind] * (5 * 2 + 1) if kind else [])


def test_each_level_halves_the_size_and_doubles_the_filters() -> None:
    config = ModelConfig(**(PLAIN | {"depth": 2, "dilation": 3}))
    found = [
        (tuple(layer.output.shape[1:]), layer.dilation_rate[0]) for layer in convolutions(build_model(config, SHAPE, 5))
    ]
    sizes = [(16, 32, 4), (8, 16, 8), (4, 8, 16), (8, 16, 8), (16, 32, 4)]
    assert [shape for shape, _ in found[:6]] == [size for size in sizes[:3] for _ in range(2)]
    assert [shape for shape, _ in found[6:]] == [size for size in sizes[3:] for _ in range(3)] + [(16, 32, 5)]
    assert [dilation for _, dilation in found] == [1] * 4 + [3] * 2 + [1] * 7  # of the bottleneck alone


def test_a_level_has_at_most_the_largest_number_of_filters() -> None:
    assert [level_filters(ModelConfig(width=6, max_width=20), level) for level in range(4)] == [6, 12, 20, 20]
    model = build_model(ModelConfig(**(PLAIN | {"depth": 3, "max_width": 10})), SHAPE, 5)
    blocks = [layer.filters for layer in convolutions(model) if layer.kernel_size == (3, 3)]
    assert blocks == [4, 4, 8, 8, 10, 10, 10, 10, 10, 10, 8, 8, 4, 4]


def test_a_stem_of_stride_2_works_at_half_the_resolution() -> None:
    model = build_model(ModelConfig(**(PLAIN | {"stem": 2})), SHAPE, 5)
    assert tuple(convolutions(model)[0].output.shape) == (None, 8, 16, 4)
    assert logits_of(model).shape == (2, 16, 32, 5)


@pytest.mark.parametrize("masked", [0, 2, 4])
def test_a_masked_class_is_never_predicted(masked: int) -> None:
    logits = logits_of(build_model(ModelConfig(**PLAIN), SHAPE, 5, masked))
    assert (logits[..., masked] == -1e4).all()
    assert (logits.argmax(-1) != masked).all()
    assert (np.delete(logits, masked, -1) > -1e3).all()


def test_raw_pixels_are_scaled_to_a_mean_near_0() -> None:
    model = build_model(ModelConfig(**PLAIN), (16, 16, 3), 2)
    scaled = keras.Model(model.inputs[0], model.layers[1].output)
    images = np.array([0, 51, 255], np.uint8) * np.ones((1, 16, 16, 1), np.uint8)
    np.testing.assert_allclose(np.asarray(scaled(images))[0, 0, 0], [-1, -0.6, 1], atol=1e-6)
    assert logits_of(model, (16, 16, 3)).shape == (2, 16, 16, 2)


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
@pytest.mark.parametrize("size", [(5, 30), (16, 18), (33, 32)])
def test_images_of_any_size_are_padded_within_the_network(size: tuple[int, int], precision: Any) -> None:
    """At the bottom and right; the parameters are those for a size that needs no padding."""
    config = ModelConfig(**(PLAIN | {"depth": 4, "precision": precision}))
    model = build_model(config, (*size, 1), 3, 0)
    assert model.output_shape == (None, *size, 3)
    assert model.outputs[0].dtype == "float32"
    larger = build_model(config, (*padded_size(config, *size), 1), 3, 0, "float32")
    larger.set_weights(model.get_weights())
    images = np.random.default_rng(0).integers(0, 256, (2, *size, 1), np.uint8)
    grey = np.full((2, *larger.input_shape[1:]), 127.5, np.float32)  # which is scaled to 0
    grey[:, : size[0], : size[1]] = images
    cropped = np.asarray(larger(grey))[:, : size[0], : size[1]]
    np.testing.assert_allclose(model(images), cropped, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("changes", "size"),
    [
        ({"depth": 5, "stem": 1}, (64, 128)),
        ({"depth": 3, "stem": 2}, (64, 112)),
        ({"depth": 1, "stem": 1, "fusion": "weighted", "coarse_depth": 3, "coarse_scale": 2}, (64, 112)),
    ],
)
def test_the_padded_size_can_be_halved_as_often_as_the_network_does(
    changes: dict[str, Any], size: tuple[int, int]
) -> None:
    config = ModelConfig(**changes)
    assert padded_size(config, 60, 100) == size
    assert padded_size(config, *size) == size


def test_a_size_that_can_be_halved_has_no_layer_for_padding() -> None:
    kinds = {type(layer) for layer in build_model(ModelConfig(**PLAIN), SHAPE, 3).layers}
    padded = {type(layer) for layer in build_model(ModelConfig(**PLAIN), (15, 32, 1), 3).layers}
    assert padded - kinds == {layers.ZeroPadding2D, layers.Cropping2D}


def test_images_of_more_than_8_bits_are_scaled_alike() -> None:
    model, other = (build_model(ModelConfig(**PLAIN), (16, 16, 3), 2, None, dtype) for dtype in ("uint8", "float32"))
    other.set_weights(model.get_weights())
    images = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), np.uint8)
    np.testing.assert_allclose(other(images.astype(np.float32)), model(images), rtol=1e-5, atol=1e-5)
    assert not np.allclose(other(images.astype(np.float32) + np.float32(0.4)), model(images), atol=1e-4)


@pytest.mark.parametrize("norm", ["group", "instance"])
def test_a_normalisation_of_images_does_not_mix_them(norm: Any) -> None:
    """An image's logits do not depend on its batch, in training either."""
    model = build_model(ModelConfig(depth=1, width=8, norm=norm, dropout=0, standardise=True), SHAPE, 3)
    images = np.random.default_rng(0).integers(0, 256, (3, *SHAPE), np.uint8)
    together = np.asarray(model(images, training=True))
    alone = np.asarray(model(images[:1], training=True))
    np.testing.assert_allclose(together[:1], alone, atol=1e-4)


def penalty(kernels: list[Any], l1: float, l2: float) -> float:
    return sum(float(l1 * np.abs(kernel).sum() + l2 * (kernel.astype(np.float64) ** 2).sum()) for kernel in kernels)


@pytest.mark.parametrize("changes", [{}, {"bottleneck_l1": 0.5, "bottleneck_l2": 0.0, "decoder_l2": 0.25}])
def test_penalties_are_on_the_kernels_of_all_convolutions_but_the_head(changes: dict[str, Any]) -> None:
    """The network's convolutions: two of the encoder, two of the bottleneck, three of the decoder, the head."""
    config = ModelConfig(**PLAIN, l1=0.01, l2=0.02, **changes)
    model = build_model(config, SHAPE, 3)
    kernels = [np.asarray(layer.kernel) for layer in convolutions(model)]
    assert len(kernels) == 8
    expected = penalty(kernels[:2], 0.01, 0.02)
    expected += penalty(kernels[2:4], changes.get("bottleneck_l1", 0.01), changes.get("bottleneck_l2", 0.02))
    expected += penalty(kernels[4:7], 0.01, changes.get("decoder_l2", 0.02))
    assert sum(float(loss) for loss in model.losses) == pytest.approx(expected, rel=1e-5)


def test_no_penalty_is_no_loss() -> None:
    assert not build_model(ModelConfig(**PLAIN), SHAPE, 3).losses


def test_dropout_grows_with_the_level() -> None:
    config = ModelConfig(depth=3, dropout=0.2, dropout_step=0.1, dropout_at="encoder")
    assert [dropout_rate(config, level) for level in range(4)] == pytest.approx([0.2, 0.3, 0.4, 0.0])
    assert dropout_rate(ModelConfig(dropout=0.2, dropout_at="decoder"), 0) == 0
    assert dropout_rate(ModelConfig(depth=2, dropout=0.1), 2) == pytest.approx(0.1)


@pytest.mark.parametrize(("place", "rates"), [("levels", [0.1, 0.3, 0.5]), ("encoder", [0.1, 0.3]), ("decoder", [0.1])])
@pytest.mark.parametrize(("kind", "layer"), [("values", layers.Dropout), ("channels", layers.SpatialDropout2D)])
def test_dropout_is_where_it_is_configured(place: Any, rates: list[float], kind: Any, layer: type) -> None:
    changes = {"depth": 2, "dropout": 0.1, "dropout_step": 0.2, "dropout_at": place, "dropout_kind": kind}
    model = build_model(ModelConfig(**(PLAIN | changes)), SHAPE, 3)
    found = [each.rate for each in model.layers if isinstance(each, layers.Dropout | layers.SpatialDropout2D)]
    assert found == pytest.approx(rates)
    assert {type(each) for each in model.layers if hasattr(each, "rate")} == {layer}


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_computes_in_half_and_gives_logits_in_float32(precision: Any) -> None:
    model = build_model(ModelConfig(**PLAIN, precision=precision), SHAPE, 3, 0)
    assert [layer.compute_dtype for layer in convolutions(model)] == [precision[6:]] * 7 + ["float32"]
    assert all(variable.dtype == "float32" for variable in model.variables)
    assert logits_of(model).dtype == np.float32
    assert keras.config.dtype_policy().name == "float32"


@pytest.mark.parametrize("shape", [SHAPE, (13, 21, 1)])
def test_a_saved_model_loads_in_safe_mode(tmp_path: Path, shape: tuple[int, int, int]) -> None:
    config = ModelConfig(depth=1, width=4, attention=True, norm="group", stem=2)
    model = build_model(config, shape, 5, 2)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_array_equal(logits_of(loaded, shape), logits_of(model, shape))
