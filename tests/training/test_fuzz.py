"""Untrusted models: loaded, or refused in one line, without running their code or writing their files."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import pytest

from benchmarks.fuzz.case import READ, REFUSED, Case, try_case
from benchmarks.fuzz.child import make_model
from benchmarks.fuzz.models import ATTACKS, ESCAPED
from trainer.errors import InputError
from trainer.result.save import load_result, save_model


@pytest.fixture(scope="module")
def model() -> bytes:
    return make_model()


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack["class_name"])
def test_a_model_that_is_an_attack_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, attack: Any) -> None:
    monkeypatch.chdir(tmp_path)
    with zipfile.ZipFile("model.keras", "w") as archive:
        archive.writestr("config.json", json.dumps(attack))
        archive.writestr("metadata.json", "{}")
        archive.writestr(f"assets/../../{ESCAPED}", "stranger")
        archive.writestr("model.weights.h5", "")
    Path("config.toml").touch()
    with pytest.raises(InputError, match=r"model\.keras must ") as caught:
        load_result(Path())
    assert str(caught.value).isprintable()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.toml", "model.keras"]


def refused(folder: Path, config: Any, weights: bytes, method: int, words: str) -> None:
    """Asserts that a model of these parts is refused with these words."""
    with zipfile.ZipFile(folder / "model.keras", "w", method) as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("metadata.json", "{}")
        archive.writestr("model.weights.h5", weights)
    with pytest.raises(InputError, match=words):
        load_result(folder)


def test_a_small_file_that_would_fill_all_memory_is_refused_before_it_is_built(tmp_path: Path) -> None:
    """20 GB of weights, which Keras would initialise at random before it reads the file's."""
    layer = {"class_name": "Dense", "module": "keras.layers", "config": {"units": 10**9}}
    words = r"must hold the weights of its layers; got \d+ bytes for 5,000,000,000 of them in "
    refused(tmp_path, layer | {"build_config": {"input_shape": [1, 4]}}, b"", zipfile.ZIP_STORED, words)


def upsample(times: int, size: tuple[int | None, ...] = (16, 16, 1)) -> keras.Model:
    """A network without weights that makes images larger by a factor of 4 again and again."""
    inputs = outputs = keras.Input(size)
    for _ in range(times):
        outputs = keras.layers.UpSampling2D(4)(outputs)
    return keras.Model(inputs, outputs)


def repeat(times: int) -> keras.Model:
    """The same by a function in place of a layer."""
    inputs = outputs = keras.Input((16, 16, 1))
    for _ in range(times):
        outputs = keras.ops.repeat(outputs, 8, axis=2)
    return keras.Model(inputs, outputs)


def nested(inner: keras.Model) -> keras.Model:
    inputs = keras.Input((16, 16, 1))
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(inner(inputs)))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: upsample(10), "for 64 images must fit in memory; got "),
        (lambda: repeat(12), "for 64 images must fit in memory; got "),
        (lambda: nested(upsample(10)), "for 64 images must fit in memory; got "),
        (lambda: keras.Sequential([keras.Input((16, 16, 1)), upsample(10)]), "for 64 images must fit in memory; got "),
        (lambda: nested(upsample(10, (None, None, 1))), "model.keras must be for images of one size; got a layer "),
    ],
    ids=["layers", "functions", "nested", "sequential", "any size"],
)
def test_layers_whose_output_grows_without_bound_are_refused(
    tmp_path: Path, make: Callable[[], keras.Model], words: str
) -> None:
    save_model(make(), tmp_path / "model.keras")
    with pytest.raises(InputError, match=words):
        load_result(tmp_path)


def test_a_description_without_end_is_refused_before_it_is_read(tmp_path: Path) -> None:
    words = "model.keras must describe layers in at most 2,097,152 bytes; got 3,000,"
    refused(tmp_path, {"class_name": "x" * 3_000_000}, b"", zipfile.ZIP_STORED, words)


def test_a_compressed_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    words = r"model\.keras must be stored unpacked; got 1,\d+,\d+ bytes in "
    refused(tmp_path, {}, bytes(2**20), zipfile.ZIP_DEFLATED, words)


def test_corrupt_models_are_loaded_or_refused_in_one_line(model: bytes) -> None:
    outcomes = {seed: try_case(Case("model", seed), model) for seed in range(20)}
    assert not {seed: outcome for seed, outcome in outcomes.items() if outcome not in (READ, REFUSED)}
