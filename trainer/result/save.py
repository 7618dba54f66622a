"""A trained network as a folder: written, and loaded."""

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras

from trainer.config import TrainConfig
from trainer.configfile import write_config
from trainer.data.dataset import Dataset
from trainer.errors import InputError
from trainer.files import atomic_write
from trainer.result.filesize import check_size
from trainer.result.folder import find_model, read_config, unreadable_model
from trainer.training.backend import backend_name
from trainer.training.fit import Fitted


def write_result(
    fitted: Fitted, dataset: Dataset, folder: Path, write_figures: Callable[[Fitted, Dataset, Path], object]
) -> None:
    """Writes `model.keras`, `config.toml`, `metrics.json` and, by `write_figures`, the pictures to a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    save_model(fitted.model, folder / "model.keras")
    write_config(fitted.config, folder / "config.toml")
    (folder / "metrics.json").write_text(json.dumps(summarise(fitted), indent=2) + "\n", "utf-8")
    write_figures(fitted, dataset, folder)


def summarise(fitted: Fitted) -> dict[str, Any]:
    """The metrics of `metrics.json`: scores of the best epoch, and how the training went."""
    return {
        "miou": fitted.best.miou,
        "miou_keras": fitted.best.miou_keras,
        "iou": list(fitted.best.iou),
        "epochs": len(fitted.history),
        "best_epoch": fitted.best.epoch,
        "stopped": fitted.stopped,
        "seconds": fitted.seconds,
        "parameters": fitted.parameters,
        "images_per_second": fitted.images_per_second,
        "engine": f"keras {keras.__version__} on {backend_name()}",
    }


def save_model(model: keras.Model, path: Path) -> None:
    """Saves a model atomically. An uncompiled one loads in safe mode without this package."""
    with atomic_write(path) as partial:
        model.save(partial)


def load_result(folder: Path) -> tuple[keras.Model, TrainConfig]:
    """The model and the configuration of a folder that `write_result` wrote. Raises InputError."""
    path = find_model(folder)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about files that it then refuses
            check_size(path)
            model = keras.models.load_model(path, compile=False, safe_mode=True)
    except InputError:
        raise
    except Exception as error:  # zip, JSON, HDF5 and Keras errors
        raise unreadable_model(path, error) from None
    return model, read_config(folder)
