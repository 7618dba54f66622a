"""One axis of a search space as frozen data, read from a TOML table."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Any, Literal

from trainer.configfile import nearest
from trainer.errors import InputError

Value = bool | int | float | str
Condition = tuple[str, tuple[Value, ...]]  # a path, and the values of which it must have one
Kind = Literal["int", "float", "choice"]
KINDS: tuple[Kind, ...] = ("int", "float", "choice")
KEYS = (*KINDS, "step", "log", "when")
DIGITS = 700  # decimal digits that suffice to count steps of any float between any two floats


@dataclass(frozen=True)
class Axis:
    """A path of the configuration and the values that it may take."""

    path: str
    kind: Kind
    low: float = 0.0  # of int and float, inclusive
    high: float = 0.0
    step: float | None = None  # of int and float; None is 1 for int, and any value for float
    log: bool = False  # int and float are sampled uniformly by their logarithm
    choices: tuple[Value, ...] = ()  # of choice
    when: tuple[Condition, ...] = ()  # applies only where all of them hold


def parse_axis(path: str, table: Any) -> Axis:
    """The axis that a table such as `{ int = [2, 5] }` describes. Raises InputError, but not for an unknown path."""
    if not isinstance(table, Mapping):
        raise _error(path, "an axis must be a table such as { int = [2, 5] }", table)
    for key in table:
        if key not in KEYS:
            raise InputError(f"[space] {path}: unknown key {key!r}{nearest(key, list(KEYS))}")
    kinds = [kind for kind in KINDS if kind in table]
    if len(kinds) != 1:
        raise _error(path, "an axis must have one of int, float, choice", dict(table))
    when = _parse_when(path, table.get("when", {}))
    if kinds == ["choice"]:
        return Axis(path, "choice", choices=_parse_choices(path, table), when=when)
    return _parse_range(path, kinds[0], table, when)


def axis_table(axis: Axis) -> dict[str, Any]:
    """The table of an axis, with plain lists; the inverse of `parse_axis`."""
    table: dict[str, Any] = {"choice": list(axis.choices)} if axis.kind == "choice" else _range_table(axis)
    if axis.when:
        table["when"] = {path: list(values) for path, values in axis.when}
    return table


def count_values(axis: Axis) -> int | None:
    """The number of values of an axis; None for a float without a step."""
    if axis.kind == "choice":
        return len(axis.choices)
    if axis.kind == "float" and axis.step is None:
        return None
    return int((Decimal(str(axis.high)) - Decimal(str(axis.low))) / Decimal(str(axis.step or 1))) + 1


def list_values(axis: Axis, limit: int | None = None) -> list[Value]:
    """The first `limit` values of an axis (all by default). Raises ValueError for a float without a step."""
    count = count_values(axis)
    if count is None:
        raise ValueError(f"an axis must have a number of values to be listed; got {axis}")
    count = count if limit is None else min(count, limit)
    if axis.kind == "choice":
        return list(axis.choices[:count])
    low, step = Decimal(str(axis.low)), Decimal(str(axis.step or 1))
    number = int if axis.kind == "int" else float
    return [number(low + index * step) for index in range(count)]


def contains(axis: Axis, value: object) -> bool:
    """Whether the axis can take a value."""
    if axis.kind == "choice":
        return value in axis.choices
    if isinstance(value, bool) or not isinstance(value, int | float) or not axis.low <= value <= axis.high:
        return False
    if axis.kind == "float" and axis.step is None:
        return True
    with localcontext() as context:
        context.prec = DIGITS
        return (Decimal(str(value)) - Decimal(str(axis.low))) % Decimal(str(axis.step or 1)) == 0


def _parse_range(path: str, kind: Kind, table: Mapping[str, Any], when: tuple[Condition, ...]) -> Axis:
    low, high = _parse_bounds(path, kind, table[kind])
    step, log = table.get("step"), table.get("log", False)
    if not isinstance(log, bool):
        raise _error(path, "log must be true or false", log)
    if log and low <= 0:
        raise _error(path, "a logarithmic axis must start above 0", low)
    if log and step is not None:
        raise _error(path, "an axis must have a step or log = true, not both", dict(table))
    axis = Axis(path, kind, low, high, step, log, when=when)
    if step is not None:
        _check_step(axis, step)
    return axis


def _parse_bounds(path: str, kind: Kind, bounds: Any) -> tuple[float, float]:
    if not isinstance(bounds, list | tuple) or len(bounds) != 2 or not all(_is_number(bound, kind) for bound in bounds):
        wanted = "whole numbers" if kind == "int" else "numbers"
        raise _error(path, f"{kind} must be two {wanted}, [low, high]", bounds)
    low, high = bounds
    if low > high:
        raise _error(path, "low must not be above high", list(bounds))
    return (low, high) if kind == "int" else (float(low), float(high))


def _check_step(axis: Axis, step: Any) -> None:
    if not _is_number(step, axis.kind) or step <= 0:
        raise _error(axis.path, f"step must be {'a whole number' if axis.kind == 'int' else 'a number'} above 0", step)
    count = count_values(axis) or 1
    last = list_values(axis)[-1] if count <= 1_000_000 else axis.high
    if last != axis.high:
        raise _error(axis.path, f"high must be low plus a number of steps, such as {last}", axis.high)


def _parse_choices(path: str, table: Mapping[str, Any]) -> tuple[Value, ...]:
    for key in ("step", "log"):
        if key in table:
            raise InputError(f"[space] {path}: {key} is of int and float; got it beside choice")
    return _parse_values(path, "choice", table["choice"])


def _parse_when(path: str, table: Any) -> tuple[Condition, ...]:
    if not isinstance(table, Mapping):
        raise _error(path, 'when must be a table such as { "loss.name" = ["focal"] }', table)
    return tuple((other, _parse_values(path, f"when {other}", values)) for other, values in sorted(table.items()))


def _parse_values(path: str, what: str, values: Any) -> tuple[Value, ...]:
    if not isinstance(values, list | tuple) or not values:
        raise _error(path, f"{what} must be a list of at least one value", values)
    for value in values:
        if not isinstance(value, bool | int | float | str) or (isinstance(value, float) and not math.isfinite(value)):
            raise _error(path, f"{what} must hold plain values: text, numbers, true, false", value)
    return tuple(values)


def _is_number(value: object, kind: Kind) -> bool:
    wanted = int if kind == "int" else int | float
    return isinstance(value, wanted) and not isinstance(value, bool) and math.isfinite(value)


def _range_table(axis: Axis) -> dict[str, Any]:
    table: dict[str, Any] = {axis.kind: [axis.low, axis.high]}
    if axis.step is not None:
        table["step"] = axis.step
    if axis.log:
        table["log"] = True
    return table


def _error(path: str, rule: str, value: object) -> InputError:
    return InputError(f"[space] {path}: {rule}; got {json.dumps(value, default=str)}")
