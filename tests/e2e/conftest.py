"""A search in miniature: tiny data, a fake trainer, real worker processes, a real PostgreSQL."""

import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from optuna.trial import FrozenTrial, TrialState

from search.study.enqueue import enqueue_starts
from search.study.plan import load_plan, question
from search.study.study import OpenStudy, create_study
from search.supervisor.devices import list_device_slots
from search.supervisor.supervisor import Crew, run_workers
from storage.database.connection import Database, connect
from storage.settings import Settings
from tests.e2e.good_input import arrays
from tests.e2e.good_input import place as place
from trainer.data.dataset import open_dataset

SPACE = """
[space]
"optimizer.learning_rate" = { float = [1e-4, 1e-1], log = true }
"model.width" = { choice = [8, 16, 32] }
"model.residual" = { choice = [true, false] }
"""


@dataclass
class Search:
    """A study on a database of its own."""

    db: Database
    folder: Path
    data: Path

    @property
    def log(self) -> Path:
        """What the first worker said."""
        return self.folder / "run" / "logs" / f"worker-{socket.gethostname()}-0.log"

    def create(
        self,
        trials: int,
        space: str = SPACE,
        epochs: int = 6,
        study: str = "",
        more: str = "",
        starts: Sequence[str | Path] = (),
    ) -> OpenStudy:
        path = self.folder / "search.toml"
        train = f"[train]\nbudget = {{ epochs = {epochs} }}\ndata = {{ validation = 0.5, clean = false }}\n"
        path.write_text(f"[study]\nname = 'fake'\nstartup_trials = 2\n{study}\n{train}{space}{more}")
        plan = load_plan(path, data=self.data, study={"trials": trials}, warm_start=[str(start) for start in starts])
        asked = question(plan, open_dataset(plan.base.data).fingerprint, "tensorflow")
        opened = create_study(self.db, plan, asked)
        enqueue_starts(self.db, opened, plan.starts)
        return opened

    def run(self, workers: int, trainer: str = "trainer", tick: Callable[[], None] = lambda: None, **crew: Any) -> int:
        settings = Settings(database_url=self.db.url, dir=self.folder / "run")
        slots = list_device_slots(workers, "cpu")
        source = trainer if ":" in trainer else f"tests.fake_train:{trainer}"
        return run_workers(self.db, Crew("fake", settings, slots, trainer=source, **crew), tick)


@pytest.fixture
def search(database_url: str, tmp_path: Path) -> Iterator[Search]:
    np.savez(tmp_path / "data.npz", **arrays())
    db = connect(database_url)
    try:
        yield Search(db, tmp_path, tmp_path / "data.npz")
    finally:
        db.close()


def in_state(opened: OpenStudy, *states: TrialState) -> list[FrozenTrial]:
    return opened.study.get_trials(deepcopy=False, states=states)


def soon(happened: Callable[[], bool], act: Callable[[], None], within_s: float = 30.0) -> None:
    """Does something once, as soon as something else has happened, beside the search."""

    def watch() -> None:
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            if happened():
                act()
                return
            time.sleep(0.02)

    threading.Thread(target=watch, daemon=True).start()
