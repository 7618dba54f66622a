"""A search in miniature: tiny data, a fake trainer, real worker processes, a real PostgreSQL."""

import shutil
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import create_engine, make_url, text

from search.devices import list_slots
from search.plan import load_plan, question
from search.pool import Crew, run_pool
from search.study import OpenStudy, create_study
from storage.database import Database, connect, create_tables
from storage.embedded import embedded_server
from storage.settings import Settings
from trainer.dataset import open_dataset

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

    def create(self, trials: int, space: str = SPACE, epochs: int = 6, study: str = "", more: str = "") -> OpenStudy:
        path = self.folder / "search.toml"
        train = f"[train]\nbudget = {{ epochs = {epochs} }}\ndata = {{ validation = 0.5, clean = false }}\n"
        path.write_text(f"[study]\nname = 'fake'\nstartup_trials = 2\n{study}\n{train}{space}{more}")
        plan = load_plan(path, data=self.data, study={"trials": trials})
        asked = question(plan, open_dataset(plan.base.data).fingerprint, "tensorflow")
        return create_study(self.db, plan, asked)

    def run(self, workers: int, tools: str = "tools", tick: Callable[[], None] = lambda: None, **crew: Any) -> int:
        settings = Settings(database_url=self.db.url, dir=self.folder / "run")
        slots = list_slots(workers, "cpu")
        return run_pool(self.db, Crew("fake", settings, slots, tools=f"tests.fake_train:{tools}", **crew), tick)


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="unet-e2e-"))
    try:
        with embedded_server(folder) as url:
            yield url
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def search(server_url: str, tmp_path: Path) -> Iterator[Search]:
    name = f"e2e_{uuid.uuid4().hex[:12]}"
    _run(server_url, f'create database "{name}"')
    url = make_url(server_url).set(database=name).render_as_string(hide_password=False)
    create_tables(url)
    db = connect(url)
    try:
        yield Search(db, tmp_path, _write_data(tmp_path / "data.npz"))
    finally:
        db.close()
        _run(server_url, f'drop database "{name}" with (force)')


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


def _write_data(path: Path) -> Path:
    random = np.random.default_rng(0)
    pairs = np.stack([random.integers(0, 256, (8, 16, 16)), random.integers(0, 5, (8, 16, 16))], axis=1)
    tests = np.zeros((0, 16, 16), np.uint8)
    np.savez(path, training_set=pairs.astype(np.uint8), test_set=tests, training_groups=np.arange(8).astype(str))
    return path


def _run(url: str, sql: str) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(sql))
    engine.dispose()
