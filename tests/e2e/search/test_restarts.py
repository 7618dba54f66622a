"""A worker that cannot start again for seconds, since something is away that it had before, ends no search."""

import os
import signal
from collections.abc import Callable
from errno import EAGAIN
from functools import partial
from pathlib import Path
from subprocess import Popen
from typing import Any
from uuid import uuid4

import pytest
from optuna.trial import TrialState
from sqlalchemy import make_url

from storage.database.connection import connect
from tests.e2e.conftest import Search, act_when, own_workers, trials_in
from tests.fake_train import Pause
from tests.postgres_server import execute
from trainer.errors import InputError


@pytest.fixture
def pause(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pause:
    """Training pauses after its first epoch; the next process starts at once."""
    monkeypatch.setattr("search.supervisor.process.FIRST_PAUSE_S", 0.01)
    pause = Pause(tmp_path, epoch=1)
    monkeypatch.setenv("FAKE_PAUSE", pause.environ["FAKE_PAUSE"])
    return pause


def run_with_fault(
    search: Search, pause: Pause, take: Callable[[], object], sign: str, give: Callable[[], object]
) -> None:
    """Runs a search of one trial whose worker is killed in the middle.

    Args:
        take: takes something away, before the worker is killed.
        sign: what the log says of the worker that finds it away.
        give: gives it back, after that.
    """
    opened = search.create_study(1)

    def act() -> None:
        take()
        os.kill(search.worker_pid(), signal.SIGKILL)
        pause.end()

    act_when(lambda: pause.is_reached(0), act)
    act_when(lambda: sign in search.read_log(), give)
    assert search.run(1) == 0
    assert sign in search.read_log()
    assert len(trials_in(opened, TrialState.COMPLETE)) == 1


def test_the_artifact_store_is_away(search: Search, pause: Pause) -> None:
    store, elsewhere = search.artifacts, search.folder / "elsewhere"

    def take() -> None:
        store.rename(elsewhere)
        store.touch()

    def give() -> None:
        store.unlink()
        elsewhere.rename(store)

    run_with_fault(search, pause, take, "died: status 69", give)


def test_the_data_are_away(search: Search, pause: Pause) -> None:
    elsewhere = search.folder / "elsewhere"
    give = partial(elsewhere.rename, search.data)
    run_with_fault(search, pause, lambda: search.data.rename(elsewhere), "died: status 2", give)


def test_the_database_has_too_few_connections(search: Search, pause: Pause) -> None:
    """For users that are not its administrators."""
    name, admin = f"plain_{uuid4().hex[:8]}", search.db.url
    execute(admin, f"create role {name} login password 'plain'", f"grant pg_read_all_data, pg_write_all_data to {name}")
    limit = f"alter role {name} connection limit"
    plain = connect(make_url(admin).set(username=name, password="plain").render_as_string(hide_password=False))
    try:
        used = Search(plain, search.folder, search.data)
        sign = "waits for the database"
        run_with_fault(used, pause, lambda: execute(admin, f"{limit} 0"), sign, lambda: execute(admin, f"{limit} -1"))
    finally:
        plain.close()
        execute(admin, f"drop owned by {name}", f"drop role {name}")


def test_the_machine_has_no_room_for_a_process(search: Search, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.supervisor.process.FIRST_PAUSE_S", 0.01)
    opened, refusals = search.create_study(1, epochs=1), [OSError(EAGAIN, os.strerror(EAGAIN))] * 3

    def start(*arguments: Any, **options: Any) -> "Popen[bytes]":
        if refusals:
            raise refusals.pop()
        return Popen(*arguments, **options)

    monkeypatch.setattr("search.supervisor.process.subprocess.Popen", start)
    assert search.run(1) == 0
    assert search.read_log().count("died: no process; it starts again in") == 3
    assert len(trials_in(opened, TrialState.COMPLETE)) == 1


def test_what_was_never_there_ends_the_search_with_one_line(search: Search) -> None:
    search.create_study(1)
    search.artifacts.parent.mkdir()
    search.artifacts.touch()
    with pytest.raises(InputError, match=r"artifacts"):
        search.run(2)
    assert not own_workers()
