"""The search space as data, how a trial's values are drawn from it, and its size.

Where an axis does not apply, a configuration has the base's value, so that draws which differ only there are equal.
"""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import optuna

from search.space.axis import Axis, Value, axis_table, count_values, list_values
from trainer.config import TrainConfig
from trainer.configfile import flatten, override

DATA_AXES = ("data.oversample", "data.oversample_class")  # paths of the data that may be searched


@dataclass(frozen=True)
class Space:
    """The axes in the order in which they are drawn: by path, but each after those that its `when` names."""

    axes: tuple[Axis, ...]

    def axis(self, path: str) -> Axis | None:
        """The axis of a path; None where the path is not searched."""
        return next((axis for axis in self.axes if axis.path == path), None)


def without_axes(space: Space, paths: Collection[str]) -> Space:
    """The space for a trial whose values at some paths are those of its own base, outside their axes."""
    return Space(tuple(axis for axis in space.axes if axis.path not in paths)) if paths else space


def draw(trial: optuna.trial.BaseTrial, space: Space, base: TrainConfig) -> dict[str, Value]:
    """The trial's value on each axis that applies, by path. Nothing else calls `trial.suggest_*`."""
    fixed = flatten(base)
    values: dict[str, Value] = {}
    for axis in space.axes:
        if applies(axis, fixed | values):
            values[axis.path] = _suggest(trial, axis)
    return values


def configure(base: TrainConfig, values: Mapping[str, Value], seed: int) -> TrainConfig:
    """The base configuration with drawn values and a trial's seed."""
    return override(base, {**values, "seed": seed})


def trial_seed(study_seed: int, fingerprint: str, number: int) -> int:
    """The seed of a trial, 0 to 2**31 - 1, derived from the study's seed, its data's fingerprint and its number.

    With the data in it, studies of different data do not all draw the same first configurations.
    """
    data = int.from_bytes(hashlib.sha256(fingerprint.encode()).digest()[:8])
    return int(np.random.SeedSequence([study_seed, data, number]).generate_state(1)[0]) & 0x7FFFFFFF


def applies(axis: Axis, values: Mapping[str, Any]) -> bool:
    """Whether all conditions of an axis hold, given the value at each path."""
    return all(values[path] in allowed for path, allowed in axis.when)


def space_size(space: Space, base: TrainConfig) -> int | None:
    """The number of distinct configurations; None where a float axis has no step."""
    if any(count_values(axis) is None for axis in space.axes):
        return None
    conditions = {path for axis in space.axes for path, _ in axis.when}
    return _count(space.axes, flatten(base), conditions)


def enumerate_values(space: Space, base: TrainConfig) -> Iterator[dict[str, Value]]:
    """The values of every possible draw from a space in which each float axis has a step."""
    return _enumerate(space.axes, flatten(base), {})


def digest(config: TrainConfig, repeat: int | None = None) -> str:
    """The SHA-256 of a configuration without its seed and what all trials of a study share of the data.

    With the number of a repetition, of that configuration as it is repeated then, on its fold of the data.
    """
    tables = config.model_dump(mode="json", exclude={"seed"})
    tables["data"] = {key: value for key, value in tables["data"].items() if f"data.{key}" in DATA_AXES}
    if repeat is not None:
        tables["repeat"] = [repeat, config.data.fold]
    return hashlib.sha256(json.dumps(tables, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def space_tables(space: Space) -> dict[str, dict[str, Any]]:
    """The `[space]` table of a space, by path; the inverse of `parse_space`."""
    return {axis.path: axis_table(axis) for axis in space.axes}


def _suggest(trial: optuna.trial.BaseTrial, axis: Axis) -> Value:
    if axis.kind == "choice":
        return cast(Value, trial.suggest_categorical(axis.path, axis.choices))
    if axis.kind == "int":
        return trial.suggest_int(axis.path, int(axis.low), int(axis.high), step=int(axis.step or 1), log=axis.log)
    value = trial.suggest_float(axis.path, axis.low, axis.high, step=axis.step, log=axis.log)
    # Rounded, since steps add up to 0.30000000000000004, and one value must have one digest.
    return value if axis.step is None else float(f"{value:.12g}")


def _count(axes: tuple[Axis, ...], values: Mapping[str, Any], conditions: set[str]) -> int:
    """The number of draws; the values of a path in `conditions` are counted one by one, others at once."""
    if not axes:
        return 1
    first, rest = axes[0], axes[1:]
    if not applies(first, values):
        return _count(rest, values, conditions)
    if first.path in conditions:
        return sum(_count(rest, {**values, first.path: value}, conditions) for value in list_values(first))
    return (count_values(first) or 0) * _count(rest, values, conditions)


def _enumerate(axes: tuple[Axis, ...], fixed: Mapping[str, Any], drawn: dict[str, Value]) -> Iterator[dict[str, Value]]:
    if not axes:
        yield drawn
    elif not applies(axes[0], {**fixed, **drawn}):
        yield from _enumerate(axes[1:], fixed, drawn)
    else:
        for value in list_values(axes[0]):
            yield from _enumerate(axes[1:], fixed, {**drawn, axes[0].path: value})
