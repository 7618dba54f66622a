"""The folder of a trained model, as far as it is known without Keras."""

import re
from pathlib import Path

from trainer.config import TrainConfig
from trainer.configfile import load_config
from trainer.errors import InputError

SHOWN = 200  # characters of a reason
COLOURS = re.compile(r"\x1b\[[0-9;]*m")  # Keras writes for terminals


def find_model(folder: Path) -> Path:
    """The `model.keras` of a folder that `retrain` or `train` wrote."""
    path = folder / "model.keras"
    if not path.is_file():
        raise InputError(f"a trained model's folder must hold model.keras; got {folder}; make one with retrain")
    return path


def read_config(folder: Path) -> TrainConfig:
    """The configuration that the folder's model was trained with."""
    find_model(folder)
    return load_config(folder / "config.toml")


def unreadable(path: Path, error: Exception) -> InputError:
    """The error of a model file that Keras does not load, whose own words may be of many lines."""
    reason = " ".join(COLOURS.sub("", str(error)).split())
    shown = "".join(letter for letter in reason if letter.isprintable())[:SHOWN]
    return InputError(f"model.keras must be a model that Keras loads in safe mode; got {path}: {shown}")
