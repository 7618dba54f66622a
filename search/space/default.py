"""The search that is made where nobody names a space: its axes, and what of it suits a CPU alone."""

import json
import tomllib
from collections.abc import Collection, Mapping
from functools import cache
from importlib import resources
from typing import Any, Literal

from search.space.axis import Axis, axis_table, contains, count_values
from search.space.parse import fix_axes, parse_space
from search.space.space import Space
from trainer.config import TrainConfig
from trainer.configfile import flatten

Device = Literal["cpu", "gpu"]  # what the trials of a study are trained on


def default_space(base: TrainConfig, fixed: Collection[str] = (), device: Device = "gpu") -> Space:
    """The space that is searched where there is no `[space]` table, without the paths that the user fixed.

    An axis whose only value is the base's is none.
    """
    tables = _read_tables()
    axes = tables["space"] | (tables["cpu"]["space"] if device == "cpu" else {})
    space, values = parse_space(axes, TrainConfig()), flatten(base)
    single = {axis.path for axis in space.axes if count_values(axis) == 1 and contains(axis, values[axis.path])}
    return fix_axes(space, {*fixed, *single}, base)


def default_values(device: Device) -> dict[str, Any]:
    """The values, by path, that the default configuration has on a device in place of its own."""
    return dict(_read_tables()["cpu"]["train"]) if device == "cpu" else {}


def describe_space(device: Device, fixed: Collection[str], values: Mapping[str, Any]) -> str | None:
    """A line about what differs between the devices' default searches; None where the user fixed all of it.

    Args:
        device: whose search it is.
        fixed: paths that the user fixed.
        values: of `default_values` that are used.
    """
    tables = _read_tables()
    of_cpu = parse_space(tables["cpu"]["space"], TrainConfig())
    of_device = of_cpu if device == "cpu" else parse_space(tables["space"], TrainConfig())
    differing = [axis.path for axis in of_cpu.axes]
    axes = [axis for axis in of_device.axes if axis.path in differing and axis.path not in fixed]
    words = [f"{axis.path} {_describe(axis)}" for axis in axes] + [f"{path} {value}" for path, value in values.items()]
    if not words:
        return None
    other = "gpu for wider networks" if device == "cpu" else "cpu for what a CPU trains in minutes"
    return f"the default space for a {device.upper()}: {', '.join(words)}; --space {other}"


def _describe(axis: Axis) -> str:
    """An axis's values in words, such as `8 to 16`."""
    if axis.kind == "choice":
        return " or ".join(json.dumps(choice) for choice in axis.choices)
    low, high = axis_table(axis)[axis.kind]
    return f"{low} to {high}"


@cache
def _read_tables() -> dict[str, Any]:
    return tomllib.loads((resources.files("search.space") / "default.toml").read_text("utf-8"))
