"""Trained networks in formats of other programs: the same masks there, or no file."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from trainer.config import DataConfig, ModelConfig
from trainer.errors import InputError
from trainer.model.unet import build_model
from trainer.result import export, formats
from trainer.result.agreement import compare
from trainer.result.examples import COUNT, pick_images
from trainer.result.export import export_network, in_float32, with_scale
from trainer.result.formats import FORMATS, check_format
from trainer.result.runtimes import open_runtime

pytestmark = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="exports need TensorFlow")

SHAPE = (14, 22, 2)  # not multiples of 4: the network pads
PARTS: dict[str, Any] = {"depth": 1, "width": 2, "stem": 2, "norm": "group"}
DATA: dict[str, Any] = {"classes": 3, "names": ("rest", "soil", "rock"), "ignore": 0, "path": "/nowhere"}
EIGHT_BITS = DataConfig(**DATA, labels={"0": 0, "100": 1, "200": 2}, scale=None)
SCALED = DataConfig(**DATA, scale=(-100.0, 400.0))
Network = Callable[..., keras.Model]


def make_network(dtype: str = "uint8", **parts: Any) -> keras.Model:
    """A network whose masks have both classes that are learned."""
    keras.utils.set_random_seed(0)
    model = build_model(ModelConfig(**PARTS | parts), SHAPE, 3, 0, dtype)
    random = np.random.default_rng(1)
    for variable in model.weights:
        variable.assign(np.asarray(variable) + random.normal(0, 0.2, variable.shape))
    return model


def export_to(folder: Path, model: keras.Model, config: DataConfig, name: str) -> Path:
    needed = FORMATS[name].packages
    for package in needed:
        pytest.importorskip(package)
    out = folder / FORMATS[name].file
    found = export_network(model, config, name, out, *pick_images(config, SHAPE))
    assert (found.images, found.wrong) == (COUNT, 0) and found.largest < 1e-3
    assert {path.name for path in folder.iterdir()} == {out.name, f"{out.name}.json"}, "something else is left"
    return out


def test_onnx_runtime_alone_gives_the_masks(tmp_path: Path) -> None:
    model = make_network()
    out = export_to(tmp_path, model, EIGHT_BITS, "onnx")
    import onnxruntime

    session = onnxruntime.InferenceSession(out, providers=["CPUExecutionProvider"])
    images = np.random.default_rng(2).integers(0, 256, (3, *SHAPE), np.uint8)
    (logits,) = session.run(["logits"], {"image": images})
    masks = model.predict_on_batch(images).argmax(-1)
    np.testing.assert_array_equal(logits.argmax(-1), masks)
    assert set(np.unique(masks)) == {1, 2}, "any network would give masks of one class"
    assert session.get_inputs()[0].shape == ["batch", *SHAPE] and session.get_outputs()[0].shape == ["batch", 14, 22, 3]
    described = json.loads((tmp_path / "model.onnx.json").read_text())
    assert described["input"]["shape"] == [None, *SHAPE] and described["input"]["dtype"] == "uint8"
    assert described["classes"][2] == {"class": 2, "name": "rock", "value": "200"}
    assert described["checked"]["from"].startswith("random images")


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("config", [EIGHT_BITS, SCALED], ids=["8 bits", "scaled"])
def test_each_format_takes_what_files_store(tmp_path: Path, name: str, config: DataConfig) -> None:
    """What is no number, and what lies outside of the scale, is as in training."""
    model = make_network("float32" if config.scale else "uint8")
    run = open_runtime(name, export_to(tmp_path, model, config, name))
    images = np.random.default_rng(2).uniform(-200, 500, (1, *SHAPE)).astype(np.float32)
    images[0, 0, 0] = [np.nan, np.inf]
    pixels = np.nan_to_num((images + 100) * (255 / 500)).clip(0, 255)
    given = images if config.scale else pixels.astype(np.uint8)
    expected = model.predict_on_batch(pixels if config.scale else given)
    np.testing.assert_allclose(run(given), expected, atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    "parts",
    [
        {"precision": "mixed_bfloat16", "norm": "batch"},
        {"norm": "layer", "attention": True, "bottleneck": "gated", "upsampling": "transpose"},
        {"fusion": "attention", "coarse_depth": 1, "coarse_scale": 2, "stem": 1, "upsampling": "nearest"},
    ],
    ids=["mixed", "gated", "dual"],
)
def test_each_format_has_the_networks_parts(tmp_path: Path, name: str, parts: dict[str, Any]) -> None:
    export_to(tmp_path, make_network(**parts), EIGHT_BITS, name)


def test_other_masks_are_refused_and_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = keras.Input(SHAPE, dtype="uint8", name="image")
    model = keras.Model(inputs, keras.layers.Conv2D(3, 1)(keras.layers.Rescaling(1.0)(inputs)))
    images, origin = pick_images(EIGHT_BITS, SHAPE)
    monkeypatch.setattr(export, "open_runtime", lambda name, path: lambda images: -open_runtime(name, path)(images))
    with pytest.raises(InputError, match=r"must give the masks of model\.keras; got another class in [\d,]+ of 4,928"):
        export_network(model, EIGHT_BITS, "savedmodel", tmp_path / "model", images, origin)
    assert not list(tmp_path.iterdir())


def test_a_layer_that_a_format_does_not_have_is_refused_in_one_line(tmp_path: Path) -> None:
    pytest.importorskip("tf2onnx")
    inputs = keras.Input(SHAPE, dtype="uint8", name="image")
    model = keras.Model(inputs, keras.ops.erfinv(keras.ops.cast(inputs, "float32") / 256))
    with pytest.raises(InputError, match=r"^a network must suit --format onnx; got [^\n]+; use another format$"):
        export_network(model, EIGHT_BITS, "onnx", tmp_path / "model.onnx", *pick_images(EIGHT_BITS, SHAPE))
    assert not list(tmp_path.iterdir())


def test_a_network_of_16_bits_is_computed_in_float32() -> None:
    model = make_network(precision="mixed_bfloat16")
    plain = in_float32(model)
    assert {layer.compute_dtype for layer in plain.layers[1:]} == {"float32"}
    for mine, its in zip(plain.weights, model.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(mine), np.asarray(its))
    assert in_float32(plain) is plain


def test_the_scale_is_in_front_of_the_network() -> None:
    inputs = keras.Input(SHAPE, dtype="float32")
    values = np.array([-900, -100, 0, 400, 900, np.nan, np.inf, -np.inf] * 77, np.float32).reshape(1, *SHAPE)
    scaled = with_scale(keras.Model(inputs, keras.ops.copy(inputs)), SCALED.scale).predict_on_batch(values)
    np.testing.assert_allclose(scaled.ravel()[:8], [0, 0, 51, 255, 255, 0, 255, 0], atol=1e-4)


def test_only_close_logits_may_change_places() -> None:
    expected = np.array([[[[1.0, 1.0005, 0.0], [1.0, 2.0, 0.0], [3.0, 2.0, 0.0]]]])
    found = expected[..., [1, 0, 2]]
    result = compare(lambda _: expected, lambda _: found, [np.zeros((1, 3, 1))])
    assert (result.pixels, result.ties, result.wrong, result.largest) == (3, 1, 2, 1.0)


@pytest.mark.parametrize(
    ("name", "out", "words"),
    [
        ("onnx", "model.tflite", r"a file of --format onnx must end in \.onnx; got .*model\.tflite; change the name"),
        ("onnx", "folder.onnx", "an export must not replace a folder; got .*, which is there; choose another with -o"),
        ("savedmodel", "folder.onnx", "an export must not replace a folder"),
        ("savedmodel", "file", "an export must not replace"),
    ],
)
def test_a_place_that_does_not_suit_is_refused(tmp_path: Path, name: str, out: str, words: str) -> None:
    (tmp_path / "folder.onnx").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=words):
        check_format(name, tmp_path / out)


def test_a_missing_package_is_named_with_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "find_spec", lambda package: None if package == "tf2onnx" else object())
    with pytest.raises(InputError, match=r"not installed: tf2onnx; install unet-search\[onnx\]"):
        check_format("onnx", tmp_path / "model.onnx")
    check_format("tflite", tmp_path / "model.tflite")


def test_images_of_the_data_are_cut_and_padded_to_the_network(tmp_path: Path) -> None:
    """Those at hand are preferred to random ones, and are as their file stores them."""
    images = np.arange(5 * 20 * 10, dtype=np.uint16).reshape(5, 20, 10)
    np.savez(tmp_path / "data.npz", images=images, masks=np.zeros((5, 20, 10), np.uint8))
    config = SCALED.model_copy(update={"path": str(tmp_path / "data.npz")})
    found, origin = pick_images(config, (16, 24, 2))
    assert origin == "images of data.npz" and len(found) == 5
    assert found[1].dtype == np.float32 and found[1].shape == (16, 24, 2)
    np.testing.assert_array_equal(found[1][:, :10, 0], images[1, 2:18])
    np.testing.assert_array_equal(found[1][:, :10, 1], images[1, 2:18])
    assert not found[1][:, 10:].any()
