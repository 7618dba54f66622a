"""A folder with valid input of every kind, of which tests damage one."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

CONFIG = """
model = { depth = 1, width = 4, stem = 1 }
data = { path = "good.npz", validation = 0.5, clean = false }
budget = { steps = "none", epochs = 1 }
"""
SEARCH = """
study = { name = "fake", trials = 2 }
[train]
data = { path = "good.npz", validation = 0.5, clean = false }
budget = { steps = "none", epochs = 2 }
[space]
"model.width" = { choice = [8, 16, 32] }
"""


@pytest.fixture
def input_folder(tmp_path: Path) -> Path:
    """A folder with good.npz, best.toml, search.toml, and model/ with a file that is no model."""
    write_input(tmp_path)
    return tmp_path


def write_input(folder: Path) -> None:
    """Writes the files of `input_folder`."""
    np.savez(folder / "good.npz", **make_arrays())
    (folder / "best.toml").write_text(CONFIG)
    (folder / "search.toml").write_text(SEARCH)
    (folder / "model").mkdir()
    (folder / "model" / "model.keras").write_bytes(b"not a zip")
    # A training writes what was found in its data, too.
    (folder / "model" / "config.toml").write_text(CONFIG.replace("clean", "classes = 5, ignore = 0, clean"))


def make_arrays(size: tuple[int, int] = (16, 16), count: int = 8, dtype: Any = np.uint8) -> dict[str, Any]:
    """The arrays of an npz data set of so many grey images, with masks of 5 classes."""
    random = np.random.default_rng(0)
    pairs = np.stack([random.integers(0, 256, (count, *size)), random.integers(0, 5, (count, *size))], axis=1)
    return {
        "training_set": pairs.astype(dtype),
        "test_set": random.integers(0, 256, (2, *size)).astype(dtype),
        "training_groups": np.arange(count).astype(str),
    }
