"""All checks, one after the other."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from search.doctor.backend import look_at_backend
from search.doctor.check import Check, guarded
from search.doctor.data import look_at_data
from search.doctor.database import kept_running, look_at_database
from search.doctor.host import look_at_artifacts, look_at_gpus, look_at_python, look_at_run_folder, look_at_workers
from search.supervisor.devices import Choice, list_device_slots
from storage.settings import Settings
from trainer.errors import InputError


@dataclass(frozen=True)
class Asked:
    """What the search would be started with."""

    settings: Settings
    data: Path | None = None
    sets: Mapping[str, Any] = field(default_factory=dict)
    study: str | None = None
    workers: int | None = None
    device: Choice = "auto"


def examine(asked: Asked) -> Iterator[Check]:
    """Every check of this machine, each as soon as it is known; none leaves anything behind."""
    settings = asked.settings
    yield from guarded("python", look_at_python)
    yield from guarded("gpus", look_at_gpus)
    yield from guarded("backend", lambda: look_at_backend(asked.device))
    yield from guarded("workers", lambda: look_at_workers(asked.workers, asked.device))
    yield from guarded("run folder", lambda: look_at_run_folder(settings))
    yield from guarded("artifacts", lambda: look_at_artifacts(settings))
    with kept_running(settings):
        yield from guarded("database", lambda: look_at_database(settings, _count_workers(asked)))
        yield from guarded("data", lambda: look_at_data(settings, asked.data, asked.sets, asked.study))


def _count_workers(asked: Asked) -> int:
    """How many a search would start; 1 where another check says why there would be none."""
    try:
        return len(list_device_slots(asked.workers, asked.device))
    except InputError:
        return 1
