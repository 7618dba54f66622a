"""All checks of `unet-search doctor`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from search.doctor.backend import look_at_backend
from search.doctor.check import Check, guarded
from search.doctor.data import look_at_data
from search.doctor.database import keep_server_running, look_at_database
from search.doctor.host import look_at_artifacts, look_at_gpus, look_at_python, look_at_run_folder, look_at_workers
from search.supervisor.devices import DeviceChoice, list_device_slots
from storage.settings import Settings
from trainer.errors import InputError


@dataclass(frozen=True)
class SearchOptions:
    """The options with which the search would be started."""

    settings: Settings
    data: Path | None = None
    sets: Mapping[str, Any] = field(default_factory=dict)  # values of the configuration by path
    study: str | None = None
    workers: int | None = None
    device: DeviceChoice = "auto"


def examine(options: SearchOptions) -> Iterator[Check]:
    """Makes all checks of this machine, and yields each finding at once. No file or folder is left behind."""
    settings = options.settings
    yield from guarded("python", look_at_python)
    yield from guarded("gpus", look_at_gpus)
    yield from guarded("backend", lambda: look_at_backend(options.device))
    yield from guarded("workers", lambda: look_at_workers(options.workers, options.device))
    yield from guarded("run folder", lambda: look_at_run_folder(settings))
    yield from guarded("artifacts", lambda: look_at_artifacts(settings))
    with keep_server_running(settings, _count_workers(options)):
        yield from guarded("database", lambda: look_at_database(settings, _count_workers(options)))
        yield from guarded("data", lambda: look_at_data(settings, options.data, options.sets, options.study))


def _count_workers(options: SearchOptions) -> int:
    """The number that a search would start; 1 where it would start none, which another check reports."""
    try:
        return len(list_device_slots(options.workers, options.device))
    except InputError:
        return 1
