"""The `[space]` table: read, checked against the configuration, and sorted."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from search.space.axis import Axis, Value, contains, count_values, list_values, parse_axis
from search.space.space import DATA_AXES, Space, applies
from trainer.config import TrainConfig
from trainer.configfile import check_path, flatten, override
from trainer.errors import InputError

# What decides how long and by what a trial is judged, beside all other paths of the data.
SHARED = ("budget.steps", "budget.epochs", "budget.keep", "seed", "metric")
TABLES = {path.partition(".")[0] for path in flatten(TrainConfig()) if "." in path}
CHECKED_VALUES = 64  # of a long axis only so many are tried in the configuration, and its last one


def parse_space(table: Mapping[str, Any], base: TrainConfig) -> Space:
    """The space of a `[space]` table. Raises InputError for an axis whose values the configuration `base` refuses."""
    axes = {path: parse_axis(path, axis) for path, axis in _flatten_table(table).items()}
    for path in axes:
        _check_searchable(path)
    axes = {path: _check_values(axis, base) for path, axis in axes.items()}
    axes = {path: _check_when(axis, axes, base) for path, axis in axes.items()}
    return Space(tuple(_sort_axes(axes)))


def is_shared(path: str) -> bool:
    """Whether a path, which cannot be searched, has one value in all trials of a study; a trial's seed is its own."""
    return path in SHARED or _is_shared_data(path)


def fix_axes(space: Space, fixed: Collection[str], base: TrainConfig) -> Space:
    """The space without the axes of `fixed`, and without those that can no longer apply.

    Args:
        fixed: paths whose values `base` has.
    """
    remaining = [axis for axis in space.axes if axis.path not in fixed]
    searched = {axis.path for axis in remaining}
    values = flatten(base)
    applying = [axis for axis in remaining if applies(_with_fixed_conditions(axis, searched), values)]
    for axis in applying:
        _check_values(axis, base)
    dropped = searched - {axis.path for axis in applying}
    return fix_axes(Space(tuple(applying)), dropped, base) if dropped else Space(tuple(applying))


def _with_fixed_conditions(axis: Axis, searched: set[str]) -> Axis:
    """The axis with only those of its conditions that no searched path can change."""
    return replace(axis, when=tuple((path, values) for path, values in axis.when if path not in searched))


def _flatten_table(table: Mapping[str, Any]) -> dict[str, Any]:
    """The axes by path; `model.depth = ...` without quotes, or in a table [space.model], is the same axis."""
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
    if _is_shared_data(path):
        raise InputError(f"[space] only {' and '.join(DATA_AXES)} of the data may be searched; got {path!r}")
    if path in SHARED:
        raise InputError(f"[space] {path} must be the same for every trial; fix it in [train]")


def _is_shared_data(path: str) -> bool:
    return path.startswith("data.") and path not in DATA_AXES


def _check_values(axis: Axis, base: TrainConfig) -> Axis:
    """The axis, its choices cast as the configuration does (1 becomes 1.0 where it has a float)."""
    values = {value: _cast(axis.path, value, base) for value in _select_values(axis)}
    if axis.kind == "float" and any(not isinstance(value, float) for value in values.values()):
        raise InputError(f"[space] {axis.path}: whole numbers need an int axis; got float")
    if axis.kind != "choice":
        return axis
    choices = tuple(_cast(axis.path, choice, base) for choice in axis.choices)
    if len(set(choices)) < len(choices):
        raise InputError(f"[space] {axis.path}: choices must differ; got {list(axis.choices)}")
    return replace(axis, choices=choices)


def _select_values(axis: Axis) -> list[Value]:
    """The values to be tried in the configuration."""
    if count_values(axis) is None:
        return [axis.low, axis.high, (axis.low + axis.high) / 2]
    return list_values(axis, CHECKED_VALUES) + ([] if axis.kind == "choice" else [axis.high])


def _cast(path: str, value: Value, base: TrainConfig) -> Any:
    """The value as the configuration stores it. Raises InputError where it refuses the value."""
    try:
        return flatten(override(base, {path: value}))[path]
    except InputError as error:
        raise InputError(f"[space] {error}") from None


def _check_when(axis: Axis, axes: Mapping[str, Axis], base: TrainConfig) -> Axis:
    """The axis, the values of its conditions cast as the configuration does."""
    when = tuple((path, _check_condition(axis, path, values, axes, base)) for path, values in axis.when)
    return replace(axis, when=when)


def _check_condition(
    axis: Axis, path: str, values: tuple[Value, ...], axes: Mapping[str, Axis], base: TrainConfig
) -> tuple[Value, ...]:
    """The condition's values, cast. Raises InputError where the path can never have one of them."""
    try:
        check_path(path)
    except InputError as error:
        raise InputError(f"[space] {axis.path}: when: {error}") from None
    allowed = tuple(_cast(path, value, base) for value in values)
    other = axes.get(path)
    if other is None:
        if flatten(base)[path] not in allowed:
            raise InputError(
                f"[space] {axis.path}: when must be able to hold; got {path} fixed at {flatten(base)[path]!r}, "
                f"which is not in {list(values)}; search {path} too, or leave {axis.path} out"
            )
        return allowed
    if count_values(other) is None:
        raise InputError(f"[space] {axis.path}: when must name an axis of choices or steps; got {path!r}")
    for value in allowed:
        if not contains(other, value) and not (other.when and value == flatten(base)[path]):
            raise InputError(f"[space] {axis.path}: when {path} must be one of its axis's values; got {value!r}")
    return allowed


def _sort_axes(axes: Mapping[str, Axis]) -> list[Axis]:
    """The axes by path, each after those that it depends on, so that the file's order does not change what is drawn."""
    waiting, ordered = dict(sorted(axes.items())), list[Axis]()
    while waiting:
        ready = next((axis for axis in waiting.values() if not any(path in waiting for path, _ in axis.when)), None)
        if ready is None:
            raise InputError(
                f"[space] when must not go in a circle; got {' and '.join(waiting)}, each waiting for another"
            )
        ordered.append(waiting.pop(ready.path))
    return ordered
