"""Reads the data as a worker would: those of --data, or those that the study has recorded."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search.doctor.check import Check
from search.sharing.export import is_here
from search.study.location import get_location
from storage.database.connection import open_database
from storage.errors import StorageError
from storage.settings import Settings
from trainer.config import DataConfig, TrainConfig
from trainer.configfile import override
from trainer.data.prepare import prepare_data
from trainer.errors import InputError


@dataclass(frozen=True)
class RequestedData:
    """The data to be read."""

    config: DataConfig
    fingerprint: str | None  # that the study requires
    shared: str | None = None  # name of the study's copy in the artifact store


def look_at_data(settings: Settings, data: Path | None, sets: Mapping[str, Any], name: str | None) -> list[Check]:
    """Whether the data of --data, or else of the study, can be opened. Raises InputError, StorageError."""
    requested = find_requested(settings, data, sets, name)
    if requested.shared is not None and data is None and not is_here(requested.config):
        place = (get_location(requested.config) or "").replace("\n", " and ")
        return [Check("data", "ok", f"not in {place}; workers fetch the study's copy from the artifact store")]
    if get_location(requested.config) is None:
        return [Check("data", "ok", "none named: give --data to have yours read; `run` without it makes a sample")]
    prepared = prepare_data(requested.config, settings.decoded_data if settings.dir.is_dir() else None)
    dataset, where = prepared.dataset, prepared.source.path
    if requested.fingerprint not in (None, dataset.fingerprint):
        text = (
            f"the data must be those of the study, fingerprint {str(requested.fingerprint)[:16]}; got "
            f"{dataset.fingerprint[:16]} in {where}; name the study's with --data"
        )
        return [Check("data", "problem", text)]
    height, width, _ = dataset.shape
    seen = f"in patches of {height}x{width}" if prepared.look.config.patch else f"of {height}x{width}"
    dropped = f", {len(dataset.dropped)} corrupt ones dropped" if dataset.dropped else ""
    return [Check("data", "ok", f"{len(dataset.images)} images {seen}, {dataset.classes} classes{dropped}, in {where}")]


def find_requested(settings: Settings, data: Path | None, sets: Mapping[str, Any], name: str | None) -> RequestedData:
    """The data of the study called `name`, or of the only one, with the changes of the command line."""
    recorded = _find_recorded(settings, name)
    changes = dict(sets) | ({} if data is None else {"data.path": str(data.expanduser().resolve())})
    base = TrainConfig(data=recorded.config) if recorded else TrainConfig()
    fingerprint = recorded.fingerprint if recorded and not sets else None
    return RequestedData(override(base, changes).data, fingerprint, recorded.shared if recorded else None)


def _find_recorded(settings: Settings, name: str | None) -> RequestedData | None:
    """The data that the study has recorded; None without a `name` where there is no study or no database."""
    from search.study.study import open_study  # Optuna takes a second to import

    try:
        with open_database(settings) as db:
            opened = open_study(db, name)
    except (InputError, StorageError):
        if name is not None:
            raise
        return None
    return RequestedData(opened.plan.base.data, str(opened.question["data.fingerprint"]), opened.shared)
