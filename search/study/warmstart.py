"""Configurations that a study tries before it draws any: read, checked against the study.

A start carries its whole configuration, also what the space does not vary; what all trials share is the study's. Its
values on the axes that apply are the trial's parameters, so that the sampler learns from them.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from search.space.axis import Value, axis_table, contains
from search.space.parse import is_shared
from search.space.space import Space, applies
from storage.studies.attributes import TrialAttributes
from trainer.config import TrainConfig
from trainer.configfile import flatten, load_config, override, parse_config, preset_names, printable
from trainer.errors import InputError
from trainer.model.shape import check_shape

PAPER = "report"  # the source that stands for the four systems of the course's report, in the order of its table
PAPER_SYSTEMS = ("basic_unet", "dual_unet_aug", "unet_d_aug", "final_model")


@dataclass(frozen=True)
class Start:
    """A configuration to be tried."""

    source: str  # the preset's name or the file
    name: str  # of its trial: the preset's, or the file's without its ending
    config: TrainConfig  # what is trained, but the trial's seed
    values: Mapping[str, Value]  # of the axes that apply


def load_starts(
    sources: Sequence[str], base: TrainConfig, space: Space, sets: Mapping[str, Any] | None = None
) -> tuple[Start, ...]:
    """The starts of "report", presets and files; `sets` are values for every trial. InputError outside the space."""
    named = [name for source in sources for name in (PAPER_SYSTEMS if source == PAPER else (source,))]
    return tuple(_load(source, base, space, sets or {}) for source in named)


def anchor(source: str, folder: Path) -> str:
    """A source as a file in `folder` names it: a file's path starts there."""
    if source == PAPER or source in preset_names():
        return source
    return str((folder / Path(source).expanduser()).resolve())


def check_sizes(starts: Sequence[Start], height: int, width: int) -> None:
    """Refuses a start whose network images of this size do not suit."""
    for start in starts:
        try:
            check_shape(start.config.model, height, width)
        except InputError as error:
            raise InputError(f"warm start {start.source}: {error}; or leave it out") from None


def trial_base(trial: TrialAttributes, base: TrainConfig) -> TrainConfig:
    """What a trial has beside its parameters: a start brings its own, any other has the study's `base`.

    The data lie where this host's `base` says.
    """
    return base if trial.base is None else override(parse_config(trial.base), {"data.path": base.data.path})


def _load(source: str, base: TrainConfig, space: Space, sets: Mapping[str, Any]) -> Start:
    shared = {path: value for path, value in flatten(base).items() if is_shared(path)}
    try:
        config = override(load_config(source), {**sets, **shared})
    except InputError as error:
        raise InputError(f"warm start {printable(source)}: {error}") from None
    return Start(source, _name(source), config, _values(source, config, space))


def _values(source: str, config: TrainConfig, space: Space) -> dict[str, Value]:
    """The configuration's value on each axis that applies."""
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


def _name(source: str) -> str:
    """A file may be called anything; a trial's name is one line of text."""
    return " ".join(Path(source).stem.encode("utf-8", "replace").decode().split())
