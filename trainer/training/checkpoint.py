"""Checkpoints: all that a training needs to resume exactly, in one npz file that is read without pickle."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.errors import InputError
from trainer.files import atomic_write

Arrays = list[NDArray[Any]]
INTERVAL_S = 60.0  # most seconds of training that are lost, unless one epoch takes longer


class CheckpointError(InputError):
    """Training cannot resume from this checkpoint."""


@dataclass(frozen=True)
class Checkpoint:
    """The state of a training after an epoch."""

    history: list[dict[str, Any]]  # one entry for each epoch; plateaus and early stopping are counted in it
    confusions: NDArray[np.int64]  # (B, C, C), with the kept weights
    kept: Arrays  # weights of the last or best epoch, averaged
    first: Arrays  # trainable variables after the first step, with which averages begin; none without averages
    variables: Arrays  # of the model: weights and the states of its random generators
    optimizer: Arrays  # of the optimizer: moments, averages, step, and the loss scale of mixed_float16


class CheckpointWriter:
    """Writes the checkpoints of one training, so often that at most INTERVAL_S or one epoch is lost."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._unsaved: Checkpoint | None = None
        self._since = time.monotonic()  # start of the first unsaved epoch

    def add(self, snapshot: Callable[[], Checkpoint], epoch_s: float) -> None:
        """Takes a snapshot after an epoch of `epoch_s` seconds; writes it if the next one could end too late."""
        if self._path is None:
            return
        self._unsaved = snapshot()
        if time.monotonic() - self._since + epoch_s > INTERVAL_S:
            self.save()

    def save(self) -> None:
        """Writes the last snapshot unless it is written already."""
        if self._path is not None and self._unsaved is not None:
            save_checkpoint(self._path, self._unsaved)
            self._unsaved = None
            self._since = time.monotonic()


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Writes a checkpoint atomically, with its folder."""
    groups = {
        "kept": checkpoint.kept,
        "first": checkpoint.first,
        "variables": checkpoint.variables,
        "optimizer": checkpoint.optimizer,
    }
    arrays: dict[str, Any] = {
        f"{name}.{index}": array for name, group in groups.items() for index, array in enumerate(group)
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as partial, partial.open("wb") as file:
        np.savez(file, history=np.array(json.dumps(checkpoint.history)), confusions=checkpoint.confusions, **arrays)


def load_checkpoint(path: Path) -> Checkpoint:
    """Reads a checkpoint. Raises CheckpointError if the file is missing, damaged, or no checkpoint."""
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            return Checkpoint(
                history=json.loads(str(file["history"])),
                confusions=file["confusions"],
                kept=_group(file, "kept"),
                first=_group(file, "first"),
                variables=_group(file, "variables"),
                optimizer=_group(file, "optimizer"),
            )
    except Exception as error:  # zip, header, key and JSON errors
        raise CheckpointError(f"a checkpoint must be readable; got {path}: {error}; remove it to start again") from None


def read_arrays(variables: Sequence[Any]) -> Arrays:
    """The values of Keras variables."""
    return [np.asarray(variable.numpy()) for variable in variables]


def write_arrays(variables: Sequence[Any], arrays: Arrays) -> None:
    """Sets Keras variables. Raises CheckpointError if their number or shapes differ from the arrays'."""
    expected, found = [tuple(v.shape) for v in variables], [a.shape for a in arrays]
    if expected != found:
        raise CheckpointError(
            f"a checkpoint must fit the network; got {len(found)} arrays for {len(expected)} variables or other shapes"
        )
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)


def _group(file: Any, name: str) -> Arrays:
    count = sum(key.startswith(name + ".") for key in file.files)
    return [file[f"{name}.{index}"] for index in range(count)]
