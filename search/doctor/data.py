"""The data: those that were named, or that the study has recorded, read as a worker would."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search.doctor.check import Check
from storage.database.connection import open_database
from storage.errors import StorageError
from storage.settings import Settings
from trainer.config import DataConfig, TrainConfig
from trainer.configfile import override
from trainer.data.dataset import open_dataset
from trainer.errors import InputError


@dataclass(frozen=True)
class Wanted:
    """The data to be read."""

    config: DataConfig
    fingerprint: str | None  # that a study asks for


def look_at_data(settings: Settings, data: Path | None, sets: Mapping[str, Any], name: str | None) -> list[Check]:
    """Opens the data of --data, else those of the study."""
    wanted = find_wanted(settings, data, sets, name)
    if wanted.config.path is None:
        return [Check("data", "ok", "none named: give --data to have yours read; `run` without it makes a sample")]
    dataset = open_dataset(wanted.config)
    if wanted.fingerprint not in (None, dataset.fingerprint):
        text = (
            f"the data must be those of the study, fingerprint {str(wanted.fingerprint)[:16]}; got "
            f"{dataset.fingerprint[:16]} in {wanted.config.path}; name the study's with --data"
        )
        return [Check("data", "problem", text)]
    height, width = dataset.images.shape[1:3]
    shown = f"{len(dataset.images)} images of {height}x{width}, {dataset.classes} classes"
    dropped = f", {len(dataset.dropped)} corrupt ones dropped" if dataset.dropped else ""
    return [Check("data", "ok", f"{shown}{dropped}, in {wanted.config.path}")]


def find_wanted(settings: Settings, data: Path | None, sets: Mapping[str, Any], name: str | None) -> Wanted:
    """The study's data, where there is just one study or `name` is one; the changes of the command line in them."""
    found = _recorded(settings, name)
    changes = dict(sets) | ({} if data is None else {"data.path": str(data.expanduser().resolve())})
    base = TrainConfig(data=found.config) if found else TrainConfig()
    return Wanted(override(base, changes).data, found.fingerprint if found and not sets else None)


def _recorded(settings: Settings, name: str | None) -> Wanted | None:
    """What the study has recorded; None where there is no study, or no database, of which another check tells."""
    from search.study.study import open_study  # Optuna takes a second to import

    try:
        with open_database(settings) as db:
            opened = open_study(db, name)
    except (InputError, StorageError):
        if name is not None:
            raise
        return None
    return Wanted(opened.plan.base.data, str(opened.question["data.fingerprint"]))
