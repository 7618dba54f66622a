"""What a training leaves behind, and what other programs make of it."""

import json
import os
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.data_sets import PLAIN, make_dataset
from tests.training.elsewhere import predict_elsewhere, run_elsewhere
from trainer.config import TrainConfig
from trainer.configfile import load_config, override
from trainer.data.dataset import Dataset
from trainer.errors import InputError
from trainer.model.predict import predict_images
from trainer.result.save import load_result, write_result
from trainer.training.fit import Fitted, train


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    parts = {"model.stem": 2, "model.attention": True, "data.classes": 3}
    tiny = PLAIN | parts | {"budget.epochs": 8, "optimizer.learning_rate": 0.03}
    fitted = train(override(TrainConfig(), tiny), make_dataset())
    assert fitted.final.miou > 0.7, "masks of one class would be the same in any process"
    return fitted


@pytest.fixture(scope="module")
def folder(fitted: Fitted, tmp_path_factory: pytest.TempPathFactory) -> Path:
    def write_figures(fitted: Fitted, dataset: Dataset, folder: Path) -> None:
        (folder / "picture.png").write_text(f"of {fitted.parameters} parameters, {len(dataset.images)} images")

    folder = tmp_path_factory.mktemp("result") / "deep"
    write_result(fitted, make_dataset(), folder, write_figures)
    return folder


def test_a_result_has_its_parts(folder: Path, fitted: Fitted) -> None:
    files = {"model.keras", "config.toml", "metrics.json", "confusions.npy", "picture.png"}
    assert {path.name for path in folder.iterdir()} == files
    np.testing.assert_array_equal(np.load(folder / "confusions.npy"), fitted.confusions)
    assert (folder / "picture.png").read_text() == f"of {fitted.parameters} parameters, 32 images"


def test_metrics_have_the_keys_that_scripts_rely_on(folder: Path, fitted: Fitted) -> None:
    metrics = json.loads((folder / "metrics.json").read_text())
    best = fitted.final
    expected = {"miou": best.miou, "miou_keras": best.miou_keras, "iou": list(best.iou), "best_epoch": best.epoch}
    expected |= {"epochs": 8, "parameters": fitted.parameters, "stopped": "budget"}
    assert expected.items() <= {key: metrics[key] for key in expected}.items()
    assert metrics["seconds"] > 0 and metrics["images_per_second"] > 0


def test_the_configuration_is_read_back(folder: Path, fitted: Fitted) -> None:
    assert load_config(folder / "config.toml") == fitted.config


def test_the_model_is_read_back(folder: Path, fitted: Fitted, dataset: Dataset) -> None:
    model, config = load_result(folder)
    assert config == fitted.config
    found, expected = (list(predict_images(each, dataset.images)) for each in (model, fitted.model))
    np.testing.assert_array_equal(found, expected)


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
    images = make_dataset(seed=5).images
    (logits,) = predict_elsewhere([folder / "model.keras"], images, tmp_path)
    np.testing.assert_array_equal(logits.argmax(-1), list(predict_images(fitted.model, images)))


def test_models_move_between_backends(folder: Path, fitted: Fitted, tmp_path: Path) -> None:
    """Both backends predict the same masks with a model, whichever made it."""
    python = os.environ.get("OTHER_PYTHON")
    if not python:
        pytest.skip("no interpreter with another backend in OTHER_PYTHON; `make test-jax` names one")
    backend, images = os.environ["OTHER_BACKEND"], make_dataset(seed=5).images
    (logits,) = predict_elsewhere([folder / "model.keras"], images, tmp_path, python, backend)
    np.testing.assert_array_equal(logits.argmax(-1), list(predict_images(fitted.model, images)))

    make = (
        "import numpy as np\nfrom trainer.config import ModelConfig\nfrom trainer.model.unet import build_model\n"
        "from trainer.model.predict import predict_images\n"
        "model = build_model(ModelConfig(depth=2, width=4, norm='group', attention=True), (16, 16, 1), 4, 0)\n"
        "model.save('other.keras')\nnp.save('other.npy', list(predict_images(model, np.load('images.npy'))))\n"
    )
    run_elsewhere(["-c", make], tmp_path, python, backend)
    other = keras.models.load_model(tmp_path / "other.keras", safe_mode=True)
    np.testing.assert_array_equal(list(predict_images(other, images)), np.load(tmp_path / "other.npy"))
