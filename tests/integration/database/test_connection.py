"""Tables are created once by any number of processes, and a database that cannot be used is refused in one line."""

import multiprocessing
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import optuna
import pytest
from optuna.trial import TrialState

from storage.database.connection import Database, connect, create_tables, open_database
from storage.errors import StorageError
from storage.settings import Settings
from storage.studies.leases import Budget, bind_trial, budget_left, claim_slot, close_slot

PROCESSES = multiprocessing.get_context("forkserver")  # real processes, which share one import of Optuna
PROCESSES.set_forkserver_preload(["optuna.storages._rdb.models", "alembic.command", "storage.studies.leases"])


def race(target: Callable[[str], None], url: str, processes: int = 8) -> None:
    started = [PROCESSES.Process(target=target, args=(url,)) for _ in range(processes)]
    for process in started:
        process.start()
    for process in started:
        process.join(100)
    assert [process.exitcode for process in started] == [0] * processes


def work(url: str) -> None:
    """One worker: claims, asks and tells until the budget is spent."""
    db, owner = connect(url), uuid4()
    study = optuna.load_study(study_name="mars", storage=db.storage)
    while budget_left(db, study._study_id) != Budget(0, 0):
        claim = claim_slot(db, study._study_id, owner, "worker")
        if claim is not None:
            trial = study.ask()
            claim = bind_trial(db, claim, trial._trial_id)
            study.tell(trial, trial.suggest_float("x", 0, 1))
            close_slot(db, claim, owner)


def test_eight_processes_create_the_tables_at_once(url_without_tables: str) -> None:
    race(create_tables, url_without_tables)
    connect(url_without_tables).close()


def test_eight_processes_finish_exactly_the_budget(db: Database, study: optuna.Study) -> None:
    race(work, db.url)
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 10


def test_creating_tables_again_changes_nothing(db: Database, study: optuna.Study) -> None:
    create_tables(db.url)
    assert optuna.get_all_study_names(db.storage) == ["mars"]


def test_missing_tables_are_refused(url_without_tables: str) -> None:
    with pytest.raises(StorageError, match="unet-search init"):
        connect(url_without_tables)


def test_a_server_that_refuses_is_one_line_without_password() -> None:
    with pytest.raises(StorageError) as caught:
        connect("postgresql://me:s3cret@127.0.0.1:1/db")
    message = str(caught.value)
    assert "me:***@127.0.0.1:1/db" in message and "s3cret" not in message and "\n" not in message


def test_a_server_without_a_reply_is_given_up() -> None:
    started = time.monotonic()
    with pytest.raises(StorageError, match="must answer"):
        connect("postgresql://me:pw@192.0.2.1/db")  # an address that is never used
    assert time.monotonic() - started < 15


def test_a_repr_shows_no_password(db: Database) -> None:
    assert "s3cret" not in repr(Database("postgresql://u:s3cret@h/d", db.engine))


def test_a_folder_without_a_study_is_refused_and_not_made(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with pytest.raises(StorageError, match="unet-search run"), open_database(Settings(database_url=None, dir=folder)):
        pass
    assert not folder.exists()
