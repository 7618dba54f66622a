"""All that training needs to go on exactly: one npz file, written whole or not at all, read without pickle."""

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
EVERY_S = 60.0


class CheckpointError(InputError):
    """A checkpoint cannot be gone on from."""


@dataclass(frozen=True)
class Checkpoint:
    history: list[dict[str, Any]]  # one entry an epoch; plateau and early stopping are functions of it
    confusion: NDArray[np.int64]  # at the best epoch
    best: Arrays  # weights at the best epoch
    variables: Arrays  # of the model: weights and the state of every seed generator
    optimizer: Arrays  # moments and the step


class Keeper:
    """Writes the checkpoints of one training: so often that at most EVERY_S or one epoch is ever to be repeated."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._unsaved: Checkpoint | None = None
        self._since = time.monotonic()  # when what is not yet saved began

    def keep(self, snapshot: Callable[[], Checkpoint], epoch_s: float) -> None:
        """An epoch is finished, after `epoch_s` seconds; the next one may take as long."""
        if self._path is None:
            return
        self._unsaved = snapshot()
        if time.monotonic() - self._since + epoch_s > EVERY_S:
            self.save()

    def save(self) -> None:
        """Writes the last finished epoch, unless that is done."""
        if self._path is not None and self._unsaved is not None:
            save_checkpoint(self._path, self._unsaved)
            self._unsaved = None
            self._since = time.monotonic()


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    groups = {"best": checkpoint.best, "variables": checkpoint.variables, "optimizer": checkpoint.optimizer}
    arrays: dict[str, Any] = {
        f"{name}.{place}": array for name, group in groups.items() for place, array in enumerate(group)
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as partial, partial.open("wb") as file:
        np.savez(file, history=np.array(json.dumps(checkpoint.history)), confusion=checkpoint.confusion, **arrays)


def load_checkpoint(path: Path) -> Checkpoint:
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            return Checkpoint(
                history=json.loads(str(file["history"])),
                confusion=file["confusion"],
                best=_group(file, "best"),
                variables=_group(file, "variables"),
                optimizer=_group(file, "optimizer"),
            )
    except Exception as error:  # zip, header, key and JSON errors alike: the file is not one of ours
        raise CheckpointError(
            f"a checkpoint must be readable; got {path}: {error}; remove it to start afresh"
        ) from None


def read_arrays(variables: Sequence[Any]) -> Arrays:
    """The values of Keras variables."""
    return [np.asarray(variable.numpy()) for variable in variables]


def write_arrays(variables: Sequence[Any], arrays: Arrays) -> None:
    """Sets Keras variables; their number and shapes must be those of the arrays."""
    shapes, given = [tuple(v.shape) for v in variables], [a.shape for a in arrays]
    if shapes != given:
        raise CheckpointError(
            f"a checkpoint must fit the network; got {len(given)} arrays for {len(shapes)} variables or other shapes"
        )
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)


def _group(file: Any, name: str) -> Arrays:
    count = sum(key.startswith(name + ".") for key in file.files)
    return [file[f"{name}.{place}"] for place in range(count)]
