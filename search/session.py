"""What a worker holds for as long as it lives."""

from dataclasses import dataclass
from uuid import UUID

import optuna

from search.study import OpenStudy
from search.tools import Tools
from search.watchdog import Beats
from storage.artifacts import Artifacts
from storage.database import Database
from trainer.dataset import Dataset


@dataclass(frozen=True)
class Session:
    """One worker's study, data and tools."""

    db: Database
    opened: OpenStudy
    dataset: Dataset
    artifacts: Artifacts
    tools: Tools
    owner: UUID  # whose leases its slots carry
    worker: str  # its name, for people
    device: str  # what it trains on, for people
    beats: Beats  # for its supervisor


def trial_id(trial: optuna.Trial) -> int:
    """Optuna's id of a trial: unlike its number unique in the database, and not public on Trial itself."""
    return trial._trial_id
