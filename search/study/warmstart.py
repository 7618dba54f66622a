"""Warm starts: configurations that a study tries before it draws any; read, and checked against its space.

A warm start has a whole configuration, which may differ from the study's base outside the space too; only what all
trials share is the study's. Its values on the axes that apply are its trial's parameters, which the sampler uses.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from search.space.axis import Value, axis_table, contains
from search.space.parse import is_shared
from search.space.space import Space, applies
from search.study.location import get_location, location_changes
from storage.studies.attributes import TrialAttributes
from trainer.config import TrainConfig
from trainer.configfile import flatten, load_config, override, parse_config, preset_names
from trainer.errors import InputError, printable

PAPER = "report"  # the source that stands for the four systems of the course's report, in the order of its table
PAPER_SYSTEMS = ("basic_unet", "dual_unet_aug", "unet_d_aug", "final_model")


@dataclass(frozen=True)
class WarmStart:
    """A configuration to be tried."""

    source: str  # the preset's name, or the file
    name: str  # of its trial: the preset's name, or the file's without its suffix
    config: TrainConfig  # without the trial's seed
    values: Mapping[str, Value]  # on each axis that applies, by path


def load_warm_starts(
    sources: Sequence[str], base: TrainConfig, space: Space, sets: Mapping[str, Any] | None = None
) -> tuple[WarmStart, ...]:
    """Reads warm starts.

    Args:
        sources: "report", names of presets, and files.
        base: the study's base configuration.
        space: the study's.
        sets: values by path that replace those of every warm start.

    Raises:
        InputError: a source cannot be read, or has a value outside the space.
    """
    named = [name for source in sources for name in (PAPER_SYSTEMS if source == PAPER else (source,))]
    return tuple(_load(source, base, space, sets or {}) for source in named)


def resolve_source(source: str, folder: Path) -> str:
    """A source that a file in `folder` names: a relative path is resolved there, a preset's name stays."""
    if source == PAPER or source in preset_names():
        return source
    return str((folder / Path(source).expanduser()).resolve())


def trial_base(trial: TrialAttributes, base: TrainConfig) -> TrainConfig:
    """The configuration that a trial's parameters change: that of its warm start, or else the study's `base`.

    The path of the data is that of `base`, which is valid on this host.
    """
    return base if trial.base is None else override(parse_config(trial.base), location_changes(get_location(base.data)))


def _load(source: str, base: TrainConfig, space: Space, sets: Mapping[str, Any]) -> WarmStart:
    shared = {path: value for path, value in flatten(base).items() if is_shared(path)}
    try:
        config = override(load_config(source), {**sets, **shared})
    except InputError as error:
        raise InputError(f"warm start {printable(source)}: {error}") from None
    return WarmStart(source, _trial_name(source), config, _axis_values(source, config, space))


def _axis_values(source: str, config: TrainConfig, space: Space) -> dict[str, Value]:
    """The configuration's value on each axis that applies. Raises InputError for one outside its axis."""
    values = flatten(config)
    axes = [axis for axis in space.axes if applies(axis, values)]
    for axis in axes:
        if not contains(axis, values[axis.path]):
            allowed = json.dumps(axis_table(replace(axis, when=())))
            raise InputError(
                f"warm start {printable(source)}: {axis.path} must be a value of its axis, {allowed}; got "
                f"{json.dumps(values[axis.path])}; widen the axis in [space] of a new study, fix it with --set "
                f"{axis.path}=VALUE, or leave the start out"
            )
    return {axis.path: values[axis.path] for axis in axes}


def _trial_name(source: str) -> str:
    """The source as a name, one line of text whatever the file is called."""
    return " ".join(Path(source).stem.encode("utf-8", "replace").decode().split())
