"""Which results can predict together. Without Keras."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from trainer.config import DataConfig, TrainConfig
from trainer.errors import InputError, printable
from trainer.result.folder import read_config
from trainer.result.images import settle

# The fields of a result's data that decide what its network is shown, and what its classes mean.
_DECIDING = (
    "classes",
    "names",
    "labels",
    "unlisted",
    "mask_format",
    "colours",
    "ignore",
    "channels",
    "scale",
    "resize",
    "fit",
)


def read_ensemble(folders: Sequence[Path]) -> TrainConfig:
    """The configuration of the results in some folders: that of the first, with whose data all others agree.

    What else they say may differ: their networks, their patches, how they were trained. Raises InputError for a folder
    that is no result, and for the first difference.
    """
    configs = [read_config(folder) for folder in folders]
    settled = [settle(config.data) for config in configs]
    for folder, data in zip(folders[1:], settled[1:], strict=True):
        _check_agreement(settled[0], data, folders[0], folder)
    return configs[0].model_copy(update={"data": settled[0]})


def _check_agreement(one: DataConfig, other: DataConfig, first: Path, second: Path) -> None:
    for field in _DECIDING:
        found = _find_difference(f"data.{field}", getattr(one, field), getattr(other, field))
        if found is not None:
            path, mine, theirs = found
            raise InputError(
                f"networks that predict together must agree in {path}; got {_show(mine)} in {first} and "
                f"{_show(theirs)} in {second}; predict with each of them alone, or train them on the same data"
            )


def _find_difference(path: str, one: Any, other: Any) -> tuple[str, Any, Any] | None:
    """The first difference of two values: its path, and both values there; None where there is none."""
    if one == other:
        return None
    if isinstance(one, dict) and isinstance(other, dict):
        key = next(key for key in one | other if one.get(key) != other.get(key))
        return f"{path}.{key}", one.get(key), other.get(key)
    if isinstance(one, tuple) and isinstance(other, tuple) and len(one) == len(other) and path != "data.resize":
        index = next(index for index, pair in enumerate(zip(one, other, strict=True)) if pair[0] != pair[1])
        return f"{path}[{index}]", one[index], other[index]
    return path, one, other


def _show(value: Any) -> str:
    return "none" if value is None else printable(str(value))
