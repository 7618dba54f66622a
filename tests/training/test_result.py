"""What a training leaves behind, and what other programs make of it."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from tests.data_sets import make_dataset
from trainer.config import TrainConfig
from trainer.configfile import load_config, override
from trainer.data.dataset import Dataset
from trainer.errors import InputError
from trainer.model.predict import check_images, predict_masks
from trainer.result.masks import write_masks
from trainer.result.save import load_result, write_result
from trainer.training.fit import Fitted, train

SCRIPT = Path(__file__).parent / "predict_masks.py"


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    from tests.data_sets import TINY

    tiny = TINY | {"budget.epochs": 2, "data.classes": 3, "model.stem": 2, "model.attention": True}
    return train(override(TrainConfig(), tiny), make_dataset())


@pytest.fixture(scope="module")
def folder(fitted: Fitted, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("result")
    write_result(fitted, make_dataset(), folder)
    return folder


def test_a_result_has_its_parts(folder: Path) -> None:
    names = {path.name for path in folder.iterdir()}
    assert names == {"model.keras", "config.toml", "metrics.json", "curves.png", "confusion.png", "gallery.png"}
    for picture in folder.glob("*.png"):
        with Image.open(picture) as image:
            assert min(image.size) > 200


def test_metrics_have_the_keys_that_scripts_rely_on(folder: Path, fitted: Fitted) -> None:
    metrics = json.loads((folder / "metrics.json").read_text())
    wanted = {"miou", "miou_keras", "iou", "epochs", "seconds", "parameters", "images_per_second"}
    assert wanted <= set(metrics)
    assert metrics["miou"] == fitted.best.miou
    assert metrics["epochs"] == 2


def test_the_configuration_comes_back(folder: Path, fitted: Fitted) -> None:
    assert load_config(folder / "config.toml") == fitted.config


def test_the_model_comes_back(folder: Path, fitted: Fitted, dataset: Dataset) -> None:
    model, config = load_result(folder)
    assert config == fitted.config
    np.testing.assert_array_equal(predict_masks(model, dataset.images), predict_masks(fitted.model, dataset.images))


def test_an_ignored_background_is_never_predicted(fitted: Fitted) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (100, 16, 16, 1), np.uint8)
    masks = predict_masks(fitted.model, noise)
    assert masks.shape == (100, 16, 16)
    assert set(np.unique(masks)) <= {1, 2}


def test_images_of_another_size_are_refused(fitted: Fitted) -> None:
    with pytest.raises(InputError, match="images must be 16x16x1 as in training; got 8x16x1"):
        check_images(fitted.model, np.zeros((1, 8, 16, 1), np.uint8))


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.keras").write_bytes(b"not a zip")
    with pytest.raises(InputError, match=r"model\.keras must be a model that Keras loads in safe mode"):
        load_result(tmp_path)


def test_a_model_with_code_in_it_is_refused(tmp_path: Path) -> None:
    inputs = keras.Input((4, 4, 1))
    keras.Model(inputs, keras.layers.Lambda(lambda x: x)(inputs)).save(tmp_path / "model.keras")
    with pytest.raises(InputError, match="safe mode"):
        load_result(tmp_path)


def test_a_fresh_process_predicts_the_same_masks(folder: Path, fitted: Fitted, tmp_path: Path) -> None:
    assert_same_elsewhere(folder, fitted, tmp_path)


def test_the_other_engine_predicts_the_same_masks(folder: Path, fitted: Fitted, tmp_path: Path) -> None:
    python = os.environ.get("OTHER_PYTHON")
    if not python:
        pytest.skip("no interpreter with another backend in OTHER_PYTHON; `make test-jax` names one")
    assert_same_elsewhere(folder, fitted, tmp_path, python, os.environ["OTHER_BACKEND"])
    assert_made_elsewhere(tmp_path, python, os.environ["OTHER_BACKEND"])


def assert_same_elsewhere(
    folder: Path, fitted: Fitted, tmp_path: Path, python: str = sys.executable, backend: str | None = None
) -> None:
    """Another process gives the masks of this one, but where two logits are as good as equal."""
    images = make_dataset(seed=5).images
    np.save(tmp_path / "images.npy", images)
    backend = backend or keras.backend.backend()
    run_elsewhere(python, backend, [str(SCRIPT), str(folder / "model.keras"), "images.npy", "masks.npy"], tmp_path)
    np.testing.assert_array_equal(np.load(tmp_path / "masks.npy"), predict_masks(fitted.model, images))


def assert_made_elsewhere(tmp_path: Path, python: str, backend: str) -> None:
    """A model made by the other backend gives the other's masks here too."""
    make = (
        "import numpy as np\nfrom trainer.config import ModelConfig\nfrom trainer.model.unet import build_model\n"
        "from trainer.model.predict import predict_masks\n"
        "model = build_model(ModelConfig(depth=2, width=4, norm='group', attention=True), (16, 16, 1), 4, 0)\n"
        "model.save('other.keras')\nnp.save('other.npy', predict_masks(model, np.load('images.npy')))\n"
    )
    run_elsewhere(python, backend, ["-c", make], tmp_path)
    model = keras.models.load_model(tmp_path / "other.keras", safe_mode=True)
    masks = predict_masks(model, np.load(tmp_path / "images.npy"))
    np.testing.assert_array_equal(masks, np.load(tmp_path / "other.npy"))


def run_elsewhere(python: str, backend: str, arguments: list[str], cwd: Path) -> None:
    root = str(Path(__file__).resolve().parents[2])
    environ = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": root}
    done = subprocess.run([python, *arguments], cwd=cwd, env=environ, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_masks_are_written_as_npz(tmp_path: Path) -> None:
    masks = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    write_masks(masks, ["a", "b"], tmp_path / "m.npz")
    with np.load(tmp_path / "m.npz") as file:
        np.testing.assert_array_equal(file["masks"], masks)


def test_masks_are_written_as_the_courses_csv(tmp_path: Path) -> None:
    masks = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    write_masks(masks, ["a", "b"], tmp_path / "m.csv")
    with (tmp_path / "m.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["id", *map(str, range(12))]
    assert [row[0] for row in rows] == ["0", "1"]
    assert [int(label) for label in rows[1][1:]] == list(range(12, 24))


def test_masks_are_written_as_pictures(tmp_path: Path) -> None:
    masks = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    write_masks(masks, ["a.jpg", "b.jpg"], tmp_path / "m")
    with Image.open(tmp_path / "m" / "b.png") as picture:
        np.testing.assert_array_equal(np.asarray(picture), masks[1])


def test_another_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\.npz, \.csv or a folder; got \.txt"):
        write_masks(np.zeros((1, 2, 2), np.uint8), ["a"], tmp_path / "m.txt")
    assert not list(tmp_path.iterdir())
