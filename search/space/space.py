"""The search space as data: what is searched, how it is drawn, how large it is.

An axis whose `when` does not hold keeps the base configuration's value, so two draws that differ only there are one.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import optuna

from search.space.axis import Axis, Value, axis_table, count_values, list_values
from trainer.config import TrainConfig
from trainer.configfile import flatten, override
from trainer.model.shape import check_shape


@dataclass(frozen=True)
class Space:
    """Axes in the order in which they are drawn: each after those that its `when` names, else by path."""

    axes: tuple[Axis, ...]

    def axis(self, path: str) -> Axis | None:
        """The axis of a path, if it has one."""
        return next((axis for axis in self.axes if axis.path == path), None)


def draw(trial: optuna.trial.BaseTrial, space: Space, base: TrainConfig) -> dict[str, Value]:
    """The trial's value on each axis that applies. The only place where parameters are suggested."""
    fixed = flatten(base)
    values: dict[str, Value] = {}
    for axis in space.axes:
        if applies(axis, fixed | values):
            values[axis.path] = _suggest(trial, axis)
    return values


def configure(base: TrainConfig, values: Mapping[str, Value], seed: int) -> TrainConfig:
    """The base configuration with a draw's values and a trial's seed."""
    return override(base, {**values, "seed": seed})


def trial_seed(study_seed: int, number: int) -> int:
    """The seed of a trial, 0..2**31-1: the same whoever trains it, and unlike that of its neighbours."""
    return int(np.random.SeedSequence([study_seed, number]).generate_state(1)[0]) & 0x7FFFFFFF


def applies(axis: Axis, values: Mapping[str, Any]) -> bool:
    """Whether every condition of an axis holds, given the value at each path."""
    return all(values[path] in allowed for path, allowed in axis.when)


def space_size(space: Space, base: TrainConfig) -> int | None:
    """The number of distinct configurations; None where a float has no step."""
    if any(count_values(axis) is None for axis in space.axes):
        return None
    deciding = {path for axis in space.axes for path, _ in axis.when}
    return _count(space.axes, flatten(base), deciding)


def enumerate_values(space: Space, base: TrainConfig) -> Iterator[dict[str, Value]]:
    """Every draw that a space without continuous axes has; for small ones."""
    return _extend(space.axes, flatten(base), {})


def check_shapes(space: Space, base: TrainConfig, height: int, width: int) -> None:
    """Refuses a space with a network that images of this size do not suit: the deepest one has the largest multiple."""
    sizes = ("model.depth", "model.stem", "model.coarse_depth", "model.coarse_scale")
    largest = {path: max(_values(space, base, path)) for path in sizes}
    largest["model.fusion"] = max(_values(space, base, "model.fusion"), key=lambda fusion: fusion != "none")
    check_shape(override(base, largest).model, height, width)


def digest(config: TrainConfig) -> str:
    """sha256 of all that decides a run but its seed and where the data lie."""
    tables = config.model_dump(mode="json")
    del tables["seed"], tables["data"]["path"]
    return hashlib.sha256(json.dumps(tables, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def space_tables(space: Space) -> dict[str, dict[str, Any]]:
    """The `[space]` table that gives this space again."""
    return {axis.path: axis_table(axis) for axis in space.axes}


def _values(space: Space, base: TrainConfig, path: str) -> list[Any]:
    """What the space, or else the base, has at a path."""
    axis = space.axis(path)
    return [flatten(base)[path]] if axis is None else list(list_values(axis))


def _suggest(trial: optuna.trial.BaseTrial, axis: Axis) -> Value:
    if axis.kind == "choice":
        return cast(Value, trial.suggest_categorical(axis.path, axis.choices))
    if axis.kind == "int":
        return trial.suggest_int(axis.path, int(axis.low), int(axis.high), step=int(axis.step or 1), log=axis.log)
    value = trial.suggest_float(axis.path, axis.low, axis.high, step=axis.step, log=axis.log)
    # Steps add up to 0.30000000000000004: one value must have one digest.
    return value if axis.step is None else float(f"{value:.12g}")


def _count(axes: tuple[Axis, ...], values: Mapping[str, Any], deciding: set[str]) -> int:
    if not axes:
        return 1
    first, rest = axes[0], axes[1:]
    if not applies(first, values):
        return _count(rest, values, deciding)
    if first.path in deciding:
        return sum(_count(rest, {**values, first.path: value}, deciding) for value in list_values(first))
    return (count_values(first) or 0) * _count(rest, values, deciding)


def _extend(axes: tuple[Axis, ...], fixed: Mapping[str, Any], drawn: dict[str, Value]) -> Iterator[dict[str, Value]]:
    if not axes:
        yield drawn
    elif not applies(axes[0], {**fixed, **drawn}):
        yield from _extend(axes[1:], fixed, drawn)
    else:
        for value in list_values(axes[0]):
            yield from _extend(axes[1:], fixed, {**drawn, axes[0].path: value})
