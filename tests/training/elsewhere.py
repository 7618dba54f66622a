"""Other processes, which load saved models and predict with them."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = Path(__file__).parent / "predict_logits.py"


def predict_elsewhere(
    models: Sequence[Path], images: Any, folder: Path, python: str = sys.executable, backend: str | None = None
) -> list[Any]:
    """The logits that a process computes of images with each model, by nothing of this project."""
    np.save(folder / "images.npy", images)
    run_elsewhere([str(SCRIPT), "images.npy", *map(str, models)], folder, python, backend)
    return [np.load(model.with_suffix(".npy")) for model in models]


def run_elsewhere(arguments: list[str], folder: Path, python: str = sys.executable, backend: str | None = None) -> None:
    """Runs an interpreter in a folder, with this process's backend unless another one is named."""
    environ = {**os.environ, "KERAS_BACKEND": backend or keras.backend.backend(), "PYTHONPATH": str(ROOT)}
    done = subprocess.run([python, *arguments], cwd=folder, env=environ, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
