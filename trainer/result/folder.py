"""The folder of a trained model, as far as it can be read without Keras."""

import re
from pathlib import Path

from trainer.config import TrainConfig
from trainer.configfile import load_config
from trainer.errors import InputError

MAX_SHOWN = 200  # characters of a reason
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")  # Keras colours its messages for terminals


def find_model(folder: Path) -> Path:
    """The path of `model.keras` in a folder that `retrain` or `train` wrote. Raises InputError if there is none."""
    path = folder / "model.keras"
    if not path.is_file():
        raise InputError(f"a trained model's folder must hold model.keras; got {folder}; make one with retrain")
    return path


def read_config(folder: Path) -> TrainConfig:
    """The configuration that the folder's model was trained with. Raises InputError."""
    find_model(folder)
    return load_config(folder / "config.toml")


def unreadable_model(path: Path, error: Exception) -> InputError:
    """The error of a model file that Keras does not load, with Keras's message in one line."""
    reason = " ".join(_COLOURS.sub("", str(error)).split())
    shown = "".join(letter for letter in reason if letter.isprintable())[:MAX_SHOWN]
    return InputError(f"model.keras must be a model that Keras loads in safe mode; got {path}: {shown}")
