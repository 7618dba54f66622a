"""A small search: tiny data, a fake trainer, real worker processes, a real PostgreSQL."""

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState
from optuna_dashboard import get_note

from search.study.enqueue import enqueue_warm_starts
from search.study.plan import load_plan, settle_data
from search.study.question import question
from search.study.study import OpenStudy, create_study
from search.supervisor.devices import list_device_slots
from search.supervisor.supervisor import WorkerGroup, run_workers
from storage.database.connection import Database, connect
from storage.settings import Settings
from tests.e2e.command import find_workers
from tests.e2e.input_folder import input_folder as input_folder
from tests.e2e.input_folder import make_arrays
from tests.postgres_server import fresh_database
from trainer.data.prepare import prepare_data

SPACE = """
[space]
"optimizer.learning_rate" = { float = [1e-4, 1e-1], log = true }
"model.width" = { choice = [8, 16, 32] }
"model.residual" = { choice = [true, false] }
"""
EPOCHS = 6
WAIT_S = 120.0


@dataclass
class Search:
    """A study in a database of its own, and a folder for its workers."""

    db: Database
    folder: Path
    data: Path

    @property
    def settings(self) -> Settings:
        """Of its workers."""
        return Settings(database_url=self.db.url, dir=self.folder / "run")

    @property
    def artifacts(self) -> Path:
        return self.folder / "run" / "artifacts"

    def create_study(
        self,
        trials: int,
        space: str = SPACE,
        epochs: int = EPOCHS,
        study: str = "",
        more: str = "",
        starts: Sequence[str | Path] = (),
    ) -> OpenStudy:
        """Creates the study "fake", or opens it as the same command would.

        Args:
            trials: its budget.
            space: the table `space` of its search.toml.
            epochs: of each trial.
            study: more lines of the table `study`.
            more: further tables.
            starts: warm starts.
        """
        path = self.folder / "search.toml"
        train = (
            f"[train]\nbudget = {{ steps = 'none', epochs = {epochs} }}\ndata = {{ validation = 0.5, clean = false }}\n"
        )
        path.write_text(f"[study]\nname = 'fake'\nstartup_trials = 2\n{study}\n{train}{space}{more}")
        plan = load_plan(path, data=self.data, study={"trials": trials}, warm_start=[str(start) for start in starts])
        prepared = prepare_data(plan.base.data, self.folder / "decoded")
        plan = settle_data(plan, prepared.look.config)
        asked = question(plan, prepared.dataset.fingerprint, "tensorflow")
        opened = create_study(self.db, plan, asked)
        enqueue_warm_starts(self.db, opened, plan.warm_starts)
        return opened

    def run(
        self,
        workers: int,
        trainer: str = "make_trainer",
        on_tick: Callable[[], None] = lambda: None,
        study: str = "fake",
        **group: Any,
    ) -> int:
        """Runs workers until the study is done; returns the supervisor's exit status.

        Args:
            workers: how many.
            trainer: a function of `tests/fake_train.py`, or MODULE:FUNCTION.
            on_tick: called about once a second.
            study: its name.
            group: further fields of the `WorkerGroup`.
        """
        slots = list_device_slots(workers, "cpu")
        source = trainer if ":" in trainer else f"tests.fake_train:{trainer}"
        return run_workers(self.db, WorkerGroup(study, self.settings, slots, trainer=source, **group), on_tick)

    def read_log(self, slot: int = 0) -> str:
        """The log of a slot's workers; empty before the first one starts."""
        path = self.folder / "run" / "logs" / f"worker-{socket.gethostname()}-{slot}.log"
        return path.read_text() if path.exists() else ""

    def worker_pid(self, slot: int = 0) -> int:
        """The number of the process that a slot's log names last."""
        return int(self.read_log(slot).rpartition(", process ")[2].split()[0])

    def read_events(self, slot: int = 0) -> list[dict[str, Any]]:
        """The lines of a log that is written with UNET_SEARCH_LOG=json."""
        return [json.loads(line) for line in self.read_log(slot).splitlines()]


@contextmanager
def make_search(server_url: str, template: str, folder: Path) -> Iterator[Search]:
    """A search without a study yet, in a new database."""
    np.savez(folder / "data.npz", **make_arrays())
    with fresh_database(server_url, template) as url:
        db = connect(url)
        try:
            yield Search(db, folder, folder / "data.npz")
        finally:
            db.close()


@pytest.fixture
def search(server_url: str, template: str, tmp_path: Path) -> Iterator[Search]:
    with make_search(server_url, template, tmp_path) as search:
        yield search


def trials_in(opened: OpenStudy, *states: TrialState) -> list[FrozenTrial]:
    """The study's trials that are in one of the states."""
    return opened.study.get_trials(deepcopy=False, states=states)


def read_note(study: optuna.Study, trial: FrozenTrial) -> str:
    """The note of a trial as a reader sees it, without the backslashes that escape Markdown."""
    note: str = get_note(optuna.Trial(study, trial._trial_id))
    return note.replace("\\", "")


def own_workers() -> list[int]:
    """The numbers of the worker processes of this process, which is the supervisor in these tests."""
    return [worker.pid for worker in find_workers(os.getpid())]


def act_when(condition: Callable[[], bool], act: Callable[[], None]) -> None:
    """Starts a thread that acts once, as soon as the condition is true, while the test runs a search."""

    def watch() -> None:
        wait_until(condition)
        act()

    threading.Thread(target=watch, daemon=True).start()


def wait_until(condition: Callable[[], bool]) -> None:
    """Returns as soon as the condition is true, which must be within WAIT_S."""
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
