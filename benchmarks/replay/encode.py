"""Configurations as points, for models of a landscape: each axis a group of columns in which its whole range is 1."""

from functools import cache

import numpy as np

from benchmarks.replay.problem import Floats, Values, searched
from search.space.axis import Axis, Value
from search.space.space import applies
from trainer.configfile import flatten


def encode(configurations: list[Values]) -> Floats:
    """Points (configurations, columns); two choices are at a distance of 1, and so are the ends of a range.

    What a configuration has on an axis that does not apply to it is left out.
    """
    space, base = searched()
    fixed = flatten(base)
    whole = [{**fixed, **values} for values in configurations]
    columns = [
        _column(axis, [values[axis.path] if applies(axis, values) else None for values in whole]) for axis in space.axes
    ]
    return np.concatenate(columns, 1)


@cache
def column_axes() -> tuple[int, ...]:
    """The index of the axis of each column."""
    axes = searched()[0].axes
    return tuple(i for i, axis in enumerate(axes) for _ in range(len(axis.choices) if axis.kind == "choice" else 1))


def _column(axis: Axis, values: list[Value | None]) -> Floats:
    if axis.kind == "choice":
        return np.asarray([[value == choice for choice in axis.choices] for value in values] / np.sqrt(2))
    scale = np.log if axis.log else np.asarray
    low, high = scale(axis.low), scale(axis.high)
    middle = 0.5  # of an axis that does not apply
    return np.array([[middle if value is None else (scale(value) - low) / (high - low)] for value in values])
