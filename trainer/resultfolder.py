"""The folder of a trained model, as far as it is known without Keras."""

from pathlib import Path

from trainer.config import TrainConfig
from trainer.configfile import load_config
from trainer.errors import InputError


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
