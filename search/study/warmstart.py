"""Warm starts: configurations that a study tries before it draws any, the default first.

A warm start has a whole configuration, which may differ from the study's base outside the space too; only what all
trials share is the study's. Its values on the axes that apply are its trial's parameters, which the sampler uses, but
for those outside their axes: such a value is its trial's alone, and the trial says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from search.space.axis import Value, contains
from search.space.parse import is_shared
from search.space.space import Space, applies
from search.study.location import get_location, location_changes
from storage.studies.attributes import TrialAttributes
from trainer.config import TrainConfig
from trainer.configfile import flatten, load_config, override, parse_config, preset_names
from trainer.errors import InputError, printable

DEFAULT = "default"  # the name of the trial of a study's base
PAPER = "report"  # the source that stands for the four systems of the course's report, in the order of its table
PAPER_SYSTEMS = ("basic_unet", "dual_unet_aug", "unet_d_aug", "final_model")


@dataclass(frozen=True)
class WarmStart:
    """A configuration to be tried."""

    source: str  # the preset's name, or the file
    name: str  # of its trial: the preset's name, or the file's without its suffix
    config: TrainConfig  # without the trial's seed
    values: Mapping[str, Value]  # on each axis that applies, by path, where the axis has the value
    outside: Mapping[str, Any] = field(default_factory=dict)  # on the other axes that apply


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
        InputError: a source cannot be read.
    """
    named = [name for source in sources for name in (PAPER_SYSTEMS if source == PAPER else (source,))]
    return tuple(_load(source, base, space, sets or {}) for source in named)


def default_start(base: TrainConfig, space: Space) -> WarmStart:
    """The study's base, with which every search starts."""
    return _make_start(DEFAULT, DEFAULT, base, space)


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
    return _make_start(source, _trial_name(source), config, space)


def _make_start(source: str, name: str, config: TrainConfig, space: Space) -> WarmStart:
    values = flatten(config)
    axes = [axis for axis in space.axes if applies(axis, values)]
    inside = {axis.path: values[axis.path] for axis in axes if contains(axis, values[axis.path])}
    outside = {axis.path: values[axis.path] for axis in axes if axis.path not in inside}
    return WarmStart(source, name, config, inside, outside)


def _trial_name(source: str) -> str:
    """The source as a name, one line of text whatever the file is called."""
    return " ".join(Path(source).stem.encode("utf-8", "replace").decode().split())
