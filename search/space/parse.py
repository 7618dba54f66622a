"""The `[space]` table: read, checked against the configuration, put in order."""

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import replace
from importlib import resources
from typing import Any

from search.space.axis import Axis, Value, contains, count_values, list_values, parse_axis
from search.space.space import Space, applies
from trainer.config import TrainConfig
from trainer.configfile import check_path, flatten, override
from trainer.errors import InputError

DATA_AXES = ("data.oversample", "data.oversample_class")
SHARED = ("budget.epochs", "seed")  # and what else there is of the data
TABLES = {path.partition(".")[0] for path in flatten(TrainConfig()) if "." in path}
CHECKED_VALUES = 64  # of a long axis these many are tried in the configuration, and its end


def parse_space(table: Mapping[str, Any], base: TrainConfig) -> Space:
    """The space of a `[space]` table; every axis is checked at once against `base`."""
    axes = {path: parse_axis(path, axis) for path, axis in _dotted(table).items()}
    for path in axes:
        _check_searchable(path)
    axes = {path: _fit(axis, base) for path, axis in axes.items()}
    axes = {path: _fit_when(axis, axes, base) for path, axis in axes.items()}
    return Space(tuple(_sort(axes)))


def default_space(base: TrainConfig, fixed: Collection[str] = ()) -> Space:
    """The space that is searched without a `[space]` table, less the paths that the user fixed."""
    text = (resources.files("search.space") / "default.toml").read_text("utf-8")
    return fix(parse_space(tomllib.loads(text)["space"], TrainConfig()), fixed, base)


def is_shared(path: str) -> bool:
    """Whether all trials of a study have the same value there, a trial's own seed aside: it cannot be searched."""
    return path in SHARED or _is_data(path)


def fix(space: Space, fixed: Collection[str], base: TrainConfig) -> Space:
    """The space without the axes of `fixed`, nor those that can apply no longer now that `base` holds their values."""
    left = [axis for axis in space.axes if axis.path not in fixed]
    searched = {axis.path for axis in left}
    values = flatten(base)
    kept = [axis for axis in left if applies(replace(axis, when=_settled(axis, searched)), values)]
    for axis in kept:
        _fit(axis, base)
    dropped = searched - {axis.path for axis in kept}
    return Space(tuple(kept)) if not dropped else fix(Space(tuple(kept)), dropped, base)


def _settled(axis: Axis, searched: set[str]) -> tuple[tuple[str, tuple[Value, ...]], ...]:
    return tuple((path, values) for path, values in axis.when if path not in searched)


def _dotted(table: Mapping[str, Any]) -> dict[str, Any]:
    # `model.depth = ...` without quotes, or a table [space.model], is the same axis.
    flat: dict[str, Any] = {}
    for key, value in table.items():
        nested = key in TABLES and isinstance(value, Mapping)
        flat |= {f"{key}.{name}": item for name, item in value.items()} if nested else {key: value}
    return flat


def _check_searchable(path: str) -> None:
    try:
        check_path(path)
    except InputError as error:
        raise InputError(f"[space] {error}") from None
    if _is_data(path):
        raise InputError(f"[space] only {' and '.join(DATA_AXES)} of the data may be searched; got {path!r}")
    if path in SHARED:
        raise InputError(f"[space] {path} must be the same for every trial; fix it in [train]")


def _is_data(path: str) -> bool:
    return path.startswith("data.") and path not in DATA_AXES


def _fit(axis: Axis, base: TrainConfig) -> Axis:
    """The axis with its choices as the configuration holds them (1 becomes 1.0 where that is a float)."""
    values = {value: _place(axis.path, value, base) for value in _probes(axis)}
    if axis.kind == "float" and any(not isinstance(value, float) for value in values.values()):
        raise InputError(f"[space] {axis.path}: whole numbers need an int axis; got float")
    if axis.kind != "choice":
        return axis
    choices = tuple(_place(axis.path, choice, base) for choice in axis.choices)
    if len(set(choices)) < len(choices):
        raise InputError(f"[space] {axis.path}: choices must differ; got {list(axis.choices)}")
    return replace(axis, choices=choices)


def _probes(axis: Axis) -> list[Value]:
    if count_values(axis) is None:
        return [axis.low, axis.high, (axis.low + axis.high) / 2]
    return list_values(axis, CHECKED_VALUES) + ([] if axis.kind == "choice" else [axis.high])


def _place(path: str, value: Value, base: TrainConfig) -> Any:
    try:
        return flatten(override(base, {path: value}))[path]
    except InputError as error:
        raise InputError(f"[space] {error}") from None


def _fit_when(axis: Axis, axes: Mapping[str, Axis], base: TrainConfig) -> Axis:
    return replace(
        axis, when=tuple((path, _fit_condition(axis, path, values, axes, base)) for path, values in axis.when)
    )


def _fit_condition(
    axis: Axis, path: str, values: tuple[Value, ...], axes: Mapping[str, Axis], base: TrainConfig
) -> tuple[Value, ...]:
    try:
        check_path(path)
    except InputError as error:
        raise InputError(f"[space] {axis.path}: when: {error}") from None
    placed = tuple(_place(path, value, base) for value in values)
    other = axes.get(path)
    if other is None:
        if flatten(base)[path] not in placed:
            raise InputError(
                f"[space] {axis.path}: when must be able to hold; got {path} fixed at {flatten(base)[path]!r}, "
                f"which is not in {list(values)}; search {path} too, or leave {axis.path} out"
            )
        return placed
    if count_values(other) is None:
        raise InputError(f"[space] {axis.path}: when must name an axis of choices or steps; got {path!r}")
    for value in placed:
        if not contains(other, value) and not (other.when and value == flatten(base)[path]):
            raise InputError(f"[space] {axis.path}: when {path} must be one of its axis's values; got {value!r}")
    return placed


def _sort(axes: Mapping[str, Axis]) -> list[Axis]:
    """By path, each after the axes that it depends on: the file's order must not change what is drawn."""
    left, done = dict(sorted(axes.items())), list[Axis]()
    while left:
        ready = next((a for a in left.values() if not any(path in left for path, _ in a.when)), None)
        if ready is None:
            raise InputError(
                f"[space] when must not go in a circle; got {' and '.join(left)}, each waiting for another"
            )
        done.append(left.pop(ready.path))
    return done
