"""All that training needs to go on exactly: one npz file, written whole or not at all, read without pickle."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.errors import InputError
from trainer.whole import written_whole

Arrays = list[NDArray[Any]]


@dataclass(frozen=True)
class Checkpoint:
    history: list[dict[str, Any]]  # one entry an epoch; plateau and early stopping are functions of it
    confusion: NDArray[np.int64]  # at the best epoch
    best: Arrays  # weights at the best epoch
    variables: Arrays  # of the model: weights and the state of every seed generator
    optimizer: Arrays  # moments and the step


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    groups = {"best": checkpoint.best, "variables": checkpoint.variables, "optimizer": checkpoint.optimizer}
    arrays: dict[str, Any] = {
        f"{name}.{place}": array for name, group in groups.items() for place, array in enumerate(group)
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as partial, partial.open("wb") as file:
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
        raise InputError(f"a checkpoint must be readable; got {path}: {error}; remove it to start afresh") from None


def read_arrays(variables: Sequence[Any]) -> Arrays:
    """The values of Keras variables."""
    return [np.asarray(variable.numpy()) for variable in variables]


def write_arrays(variables: Sequence[Any], arrays: Arrays) -> None:
    """Sets Keras variables; their number and shapes must be those of the arrays."""
    shapes, given = [tuple(v.shape) for v in variables], [a.shape for a in arrays]
    if shapes != given:
        raise InputError(
            f"a checkpoint must fit the network; got {len(given)} arrays for {len(shapes)} variables or other shapes"
        )
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)


def _group(file: Any, name: str) -> Arrays:
    count = sum(key.startswith(name + ".") for key in file.files)
    return [file[f"{name}.{place}"] for place in range(count)]
