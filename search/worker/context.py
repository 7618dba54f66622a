"""A worker's context: what it opens once and uses for every trial."""

from dataclasses import dataclass
from uuid import UUID

from search.study.study import OpenStudy
from search.worker.heartbeat import Heartbeat
from search.worker.trainer import Trainer
from storage.artifacts.interface import Artifacts
from storage.database.connection import Database
from trainer.data.dataset import Dataset


@dataclass(frozen=True)
class Context:
    """One worker's study, data and trainer."""

    db: Database
    opened: OpenStudy
    dataset: Dataset
    artifacts: Artifacts
    trainer: Trainer
    owner: UUID  # whose leases its slots carry
    worker: str  # its name, for people
    device: str  # what it trains on, for people
    heartbeat: Heartbeat  # for its supervisor
