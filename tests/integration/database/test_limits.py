"""A process that stands still inside a transaction stops nobody for long, with pgbouncer between as well."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import optuna
import psutil
import pytest
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import text

from search.reconnect import UNREACHABLE
from storage.artifacts.folder import Folder
from storage.database import engine
from storage.database.connection import Database, connect, create_tables, open_database
from storage.database.engine import patience
from storage.database.schema import lock
from storage.errors import StorageError
from storage.settings import Settings
from storage.studies.catalogue import delete_study, list_studies
from storage.studies.leases import claim_slot
from storage.studies.study import find_study
from tests.integration.database.test_connection import race, work
from tests.postgres_server import through_pooler

WAIT_S = 60.0
LOCK, ASK = "pg_advisory_xact_lock", "FOR UPDATE"  # what locks the study in a claim, and its row in Optuna's `ask`
GET_LIMITS = text("""
    select current_setting('idle_in_transaction_session_timeout') as idle, current_setting('lock_timeout') as lock""")


@contextmanager
def stopped(url: str, statement: str, action: str = "claim") -> Iterator["subprocess.Popen[str]"]:
    """A process that has stopped after a statement, inside its transaction; killed at the end."""
    command = [sys.executable, "-m", "tests.integration.database.stopped_process", url, action, statement]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            deadline = time.monotonic() + WAIT_S
            while psutil.Process(process.pid).status() != psutil.STATUS_STOPPED:
                assert process.poll() is None and time.monotonic() < deadline
                time.sleep(0.02)
            yield process
        finally:
            process.kill()


@pytest.fixture(params=["directly", "by pgbouncer"])
def any_db(request: pytest.FixtureRequest, db: Database) -> Iterator[Database]:
    """The test's database, reached in two ways."""
    if request.param == "directly":
        yield db
        return
    database = connect(through_pooler(db.url, request.getfixturevalue("pooler")))
    yield database
    database.close()


def test_others_finish_the_budget_beside_a_process_stopped_in_a_claim(any_db: Database, study: optuna.Study) -> None:
    with stopped(any_db.url, LOCK) as process:
        race(work, any_db.url, processes=2)
        process.send_signal(signal.SIGCONT)
        out, _ = process.communicate(timeout=WAIT_S)
    assert out in ("InternalError", "OperationalError")
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 10


def test_others_get_trials_beside_a_process_stopped_in_optunas_ask(any_db: Database, study: optuna.Study) -> None:
    with stopped(any_db.url, ASK):
        trial = optuna.load_study(study_name="mars", storage=any_db.storage).ask()
        assert trial.number == 0


def test_others_create_tables_beside_a_process_stopped_while_it_does(url_without_tables: str) -> None:
    with stopped(url_without_tables, LOCK, "create tables"):
        create_tables(url_without_tables)
    connect(url_without_tables).close()


def test_a_slow_artifact_store_ends_no_transaction(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class SlowFolder(Folder):
        def sizes(self, folder: str = "") -> dict[str, int]:
            time.sleep(1.5)  # the fault itself
            return super().sizes(folder)

    monkeypatch.setattr(engine, "IDLE_S", 1)
    optuna.create_study(study_name="mars", storage=db.storage)
    store = SlowFolder(tmp_path)
    assert [study.name for study in list_studies(db, store)] == ["mars"]
    delete_study(db, store, find_study(db, "mars")[0], "mars")
    assert not list_studies(db, store)


def test_a_wait_for_a_lock_ends(any_db: Database, study: optuna.Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "LOCK_S", 1)
    with any_db.engine.begin() as connection:
        lock(connection, study._study_id)
        with pytest.raises(UNREACHABLE, match="lock timeout"):
            claim_slot(any_db, study._study_id, uuid4(), "worker")
    assert claim_slot(any_db, study._study_id, uuid4(), "worker")


def test_a_command_that_waits_for_a_lock_says_so(
    db: Database, study: optuna.Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "LOCK_S", 1)
    with (
        db.engine.begin() as connection,
        pytest.raises(
            StorageError, match=r"another process must not hold up the database for long; got .*lock timeout"
        ),
    ):
        lock(connection, study._study_id)
        with open_database(Settings(database_url=db.url)) as other:
            claim_slot(other, study._study_id, uuid4(), "worker")


def test_a_transaction_that_stood_still_ends_as_where_the_database_is_unreachable(
    any_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "IDLE_S", 1)
    with pytest.raises(UNREACHABLE), any_db.engine.begin() as connection:
        time.sleep(2)  # the fault itself
        connection.execute(text("select 1"))
    with any_db.engine.begin() as connection:  # the pool makes a new connection
        assert connection.scalar(text("select 1")) == 1


def test_long_work_has_limits_of_its_own(any_db: Database) -> None:
    with patience(600), any_db.engine.begin() as connection:
        assert connection.execute(GET_LIMITS).one() == ("10min", "20min")
    with any_db.engine.begin() as connection:
        assert connection.execute(GET_LIMITS).one() == ("15s", "30s")


def test_many_trials_are_read_though_it_takes_long(
    db: Database, study: optuna.Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    study.tell(study.ask(), 1.0)
    build = RDBStorage._build_frozen_trial_from_trial_model

    def build_slowly(*arguments: Any) -> FrozenTrial:
        time.sleep(1.5)  # the fault itself
        return build(*arguments)

    monkeypatch.setattr(RDBStorage, "_build_frozen_trial_from_trial_model", build_slowly)
    monkeypatch.setattr(engine, "IDLE_S", 1)
    other = connect(db.url)
    assert [trial.number for trial in other.storage.get_all_trials(study._study_id)] == [0]
    other.close()


def test_optunas_own_transactions_have_the_limits(db: Database) -> None:
    session = db.storage._backend.scoped_session  # type: ignore[attr-defined]
    assert session.execute(GET_LIMITS).one() == ("15s", "30s")
    session.remove()


def test_a_session_that_pgbouncer_shares_is_left_as_it_was(any_db: Database) -> None:
    with any_db.engine.begin() as connection:
        connection.execute(GET_LIMITS)
    outside = any_db.engine.execution_options(isolation_level="AUTOCOMMIT")
    with outside.connect() as connection:
        assert connection.execute(GET_LIMITS).one() == ("0", "0")


def test_the_server_looks_whether_a_silent_client_is_there(db: Database) -> None:
    settings = text("select name, source from pg_settings where name ~ '^tcp_(keepalives|user)'")
    with db.engine.connect() as connection:
        found = connection.execute(settings).all()
    assert len(found) == 4 and {source for _, source in found} == {"session"}
