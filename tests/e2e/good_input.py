"""A folder with good input of every kind: what a test of bad input corrupts."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

BEST = """
model = { depth = 1, width = 4, stem = 1 }
data = { path = "good.npz", validation = 0.5, clean = false }
budget = { epochs = 1 }
"""
SEARCH = """
study = { name = "fake", trials = 2 }
[train]
data = { path = "good.npz", validation = 0.5, clean = false }
budget = { epochs = 2 }
[space]
"model.width" = { choice = [8, 16, 32] }
"""
FAKE = "--trainer tests.fake_train:trainer --workers 1 --device cpu"
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a file system")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where commands run: good.npz, best.toml, search.toml, and a model's folder whose model is none."""
    np.savez(tmp_path / "good.npz", **arrays())
    (tmp_path / "best.toml").write_text(BEST)
    (tmp_path / "search.toml").write_text(SEARCH)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.keras").write_bytes(b"not a zip")
    (tmp_path / "model" / "config.toml").write_text(BEST)
    return tmp_path


def arrays(size: tuple[int, int] = (16, 16), count: int = 8, dtype: Any = np.uint8) -> dict[str, Any]:
    """The arrays of an npz data set."""
    random = np.random.default_rng(0)
    pairs = np.stack([random.integers(0, 256, (count, *size)), random.integers(0, 5, (count, *size))], axis=1)
    return {
        "training_set": pairs.astype(dtype),
        "test_set": random.integers(0, 256, (2, *size)).astype(dtype),
        "training_groups": np.arange(count).astype(str),
    }


def on(path: str, *commands: str) -> list[str]:
    """The commands with a path in their braces."""
    return [command.format(path) for command in commands]
