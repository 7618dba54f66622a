"""The configuration that is measured: that of a search file, a preset, or the default search."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from search.study.plan import load_plan
from trainer.config import TrainConfig
from trainer.configfile import flatten, load_config, override, preset_names, read_toml


def load_base(source: str | None, changes: Mapping[str, Any], gpu: bool) -> TrainConfig:
    """The configuration that all trials of a search have in common, with changes by path. Raises InputError.

    Args:
        source: a search file, a preset, or the file of a single configuration such as best.toml; None for the default.
        changes: values of the command line.
        gpu: whether trials are trained on a GPU, which the default configuration suits.
    """
    if source is not None and is_training(source):
        return override(load_config(source), changes)
    return load_plan(Path(source) if source else None, changes, device="gpu" if gpu else "cpu").base


def is_training(source: str) -> bool:
    """Whether a source has the tables of one training rather than those of a search."""
    if source in preset_names():
        return True
    tables = {path.partition(".")[0] for path in flatten(TrainConfig())}
    return Path(source).is_file() and not tables.isdisjoint(read_toml(source))
