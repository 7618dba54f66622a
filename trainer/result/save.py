"""A trained network as a folder: written, and loaded."""

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from trainer.config import TrainConfig
from trainer.configfile import write_config
from trainer.data.dataset import Dataset
from trainer.errors import InputError
from trainer.files import atomic_write
from trainer.metric import dice_of
from trainer.result.filesize import check_size
from trainer.result.folder import find_model, read_config, unreadable_model
from trainer.training.backend import backend_name
from trainer.training.fit import Fitted


def write_result(
    fitted: Fitted, dataset: Dataset, folder: Path, write_figures: Callable[[Fitted, Dataset, Path], object]
) -> None:
    """Writes `model.keras`, `config.toml`, `metrics.json`, `confusions.npy` and, by `write_figures`, the pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    save_model(fitted.model, folder / "model.keras")
    write_config(fitted.config, folder / "config.toml")
    metrics = summarise(fitted, dataset)
    (folder / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n", "utf-8")
    if len(dataset.validation):
        np.save(folder / "confusions.npy", fitted.confusions, allow_pickle=False)
    write_figures(fitted, dataset, folder)


def summarise(fitted: Fitted, dataset: Dataset) -> dict[str, Any]:
    """The metrics of `metrics.json`: the scores of a training on this data set, and how it went.

    Scores are None without validation images. `miou_keras` is None unless the ignored label is a class, since it is
    another score there alone.
    """
    final, data, validates = fitted.final, fitted.config.data, len(dataset.validation) > 0
    iou = list(final.iou) if validates else [None] * len(final.iou)
    return {
        "metric": fitted.config.metric,
        "value": final.value if validates else None,
        "miou": final.miou if validates else None,
        "miou_keras": final.miou_keras if validates and data.ignores_a_class else None,
        "iou": iou,
        "dice": [None if value is None else dice_of(value) for value in iou],
        "names": list(data.names),
        "epochs": len(fitted.history),
        "best_epoch": final.epoch,
        "keep": fitted.config.budget.keep,
        "stopped": fitted.stopped,
        "seconds": fitted.seconds,
        "parameters": fitted.parameters,
        "images_per_second": fitted.images_per_second,
        "fingerprint": dataset.fingerprint,
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
