"""One run: a worker is harmed at a round trip to the database, another goes on, and all must be as if nothing was.

Workers are real processes, forked from one that has imported what they need; their training is pretended.
"""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import psutil
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import make_url, text

from storage.artifacts.folder import Folder
from storage.artifacts.pictures import list_pictures
from storage.database.connection import Database, connect
from storage.studies.attributes import SURPLUS
from storage.studies.leases import release_owner
from storage.studies.study import get_budget
from tests.life.proxy import Plan, Proxy

FORK = multiprocessing.get_context("forkserver")
FORK.set_forkserver_preload(["tests.life.worker"])
FIRST, SECOND = UUID(int=1), UUID(int=2)
EPOCHS = (1, 2, 3)
PATIENCE_S = 90.0

_END_LEASES = text(
    "update unet_search_slots set expires = clock_timestamp() - interval '1 second' where owner = :owner"
)
_COUNT_SLOTS = text("select count(*) from unet_search_slots")


@dataclass(frozen=True)
class Life:
    """A study of a few trials in a database of its own, and the folder of its files."""

    url: str
    folder: Path

    def run(self, plan: Plan) -> None:
        """Runs a worker through the proxy, harmed as planned, and another one after it where it did not go on."""
        db = connect(self.url)
        proxy = Proxy(_socket_of(self.url), plan)
        try:
            with self._worker(FIRST, proxy.port) as first:
                if plan.harm.startswith("kill"):
                    plan.on_point = lambda: _kill(first)
                elif plan.harm == "stop":
                    plan.on_point = lambda: _stop(first)
                if plan.at is not None:
                    assert plan.done.wait(PATIENCE_S), f"{plan.at} must be a point; got {len(plan.seen)} of them"
                if plan.harm.startswith("kill"):
                    release_owner(db, FIRST)  # as its supervisor does
                    self._finish(db)
                elif plan.harm == "stop":
                    self._finish_and_continue(db, first)
                else:
                    _expect_end(first)
            self._check(db)
        finally:
            proxy.close()
            db.close()

    @contextmanager
    def _worker(self, owner: UUID, port: int | None = None) -> Iterator[BaseProcess]:
        """A worker process, whose database is the proxy's port or else the server itself; killed at the end."""
        url = self.url
        if port is not None:
            name = make_url(self.url).database
            url = f"postgresql://postgres@127.0.0.1:{port}/{name}?sslmode=disable&gssencmode=disable"
        process = FORK.Process(target=_work, args=(url, str(self.folder), owner))
        process.start()
        try:
            yield process
        finally:
            process.kill()
            process.join()

    def _finish(self, db: Database) -> None:
        """Another worker does what is left."""
        with self._worker(SECOND) as second:
            _expect_end(second)

    def _finish_and_continue(self, db: Database, first: BaseProcess) -> None:
        """The same with a worker that is stopped past its lease, and then finds everything done."""
        with db.engine.begin() as connection:
            connection.execute(_END_LEASES, {"owner": FIRST})  # as time does
        self._finish(db)
        before = _trials(db)
        assert first.pid is not None
        os.kill(first.pid, signal.SIGCONT)
        _expect_end(first)
        after = _trials(db)
        assert after[: len(before)] == before, "a worker that comes back must not change what others wrote"
        assert all(trial.user_attrs["cause"] == SURPLUS for trial in after[len(before) :])

    def _check(self, db: Database) -> None:
        """The budget is exact, no trial stuck, no epoch missing, no configuration twice, no slot or picture left."""
        trials = _trials(db)
        assert all(trial.state.is_finished() for trial in trials), [trial.state for trial in trials]
        finished = [trial for trial in trials if trial.state in (TrialState.COMPLETE, TrialState.PRUNED)]
        assert len(finished) == get_budget(db, 1), [trial.state for trial in trials]
        for trial in finished:
            assert tuple(sorted(trial.intermediate_values)) == EPOCHS
            assert trial.value == max(trial.intermediate_values.values())
            assert "cause" not in trial.user_attrs
        assert len({trial.user_attrs["digest"] for trial in finished}) == len(finished)
        with db.engine.connect() as connection:
            assert connection.scalar(_COUNT_SLOTS) == 0
        self._check_pictures(finished)

    def _check_pictures(self, finished: list[FrozenTrial]) -> None:
        """Each trial has one picture, which is there. A worker that is killed may leave one that nothing names."""
        named = [dict(list_pictures(trial.system_attrs)) for trial in finished]
        assert [sorted(pictures) for pictures in named] == [["curves.png"]] * len(finished)
        files = Folder(self.folder / "artifacts").sizes()
        assert {key for pictures in named for key in pictures.values()} <= files.keys()
        assert len(files) <= len(finished) + 1
        assert not Folder(self.folder / "artifacts").sizes("checkpoints/fake")


def _work(url: str, folder: str, owner: UUID) -> Any:
    from tests.life.worker import work

    sys.exit(work(url, folder, owner))


def _expect_end(process: BaseProcess) -> None:
    process.join(PATIENCE_S)
    assert process.exitcode == 0, f"a worker must end by itself; got {process.exitcode}"


def _trials(db: Database) -> list[FrozenTrial]:
    return db.storage.get_all_trials(1)


def _kill(process: BaseProcess) -> None:
    process.kill()
    process.join(PATIENCE_S)


def _stop(process: BaseProcess) -> None:
    """Stops a process, and waits until it stands still."""
    assert process.pid is not None
    os.kill(process.pid, signal.SIGSTOP)
    deadline = time.monotonic() + PATIENCE_S
    while psutil.Process(process.pid).status() != psutil.STATUS_STOPPED:
        assert time.monotonic() < deadline
        time.sleep(0.005)


def _socket_of(url: str) -> str:
    """The path of the server's Unix socket."""
    return f"{parse_qs(urlsplit(url).query)['host'][0]}/.s.PGSQL.5432"
