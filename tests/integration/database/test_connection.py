"""Tables are made once however many want them, and what cannot be reached says so in one line."""

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
from storage.settings import Settings, mask_url, normalise_url
from storage.studies.leases import Budget, bind_trial, budget_left, claim_slot, close_slot

PROCESSES = multiprocessing.get_context("forkserver")  # real processes, which import Optuna once among them
PROCESSES.set_forkserver_preload(["optuna.storages._rdb.models", "alembic.command", "storage.studies.leases"])


def race(target: Callable[[str], None], url: str, processes: int = 8) -> None:
    started = [PROCESSES.Process(target=target, args=(url,)) for _ in range(processes)]
    for process in started:
        process.start()
    for process in started:
        process.join(100)
    assert [process.exitcode for process in started] == [0] * processes


def work(url: str) -> None:
    """One worker: claims, asks and tells until nothing is left."""
    db, owner = connect(url), uuid4()
    study = optuna.load_study(study_name="mars", storage=db.storage)
    while budget_left(db, study._study_id) != Budget(0, 0):
        claim = claim_slot(db, study._study_id, owner, "worker")
        if claim is not None:
            trial = study.ask()
            claim = bind_trial(db, claim, trial._trial_id)
            study.tell(trial, trial.suggest_float("x", 0, 1))
            close_slot(db, claim, owner)


def test_eight_processes_make_the_tables_at_once(empty_url: str) -> None:
    race(create_tables, empty_url)
    connect(empty_url).close()


def test_eight_processes_finish_exactly_the_budget(db: Database, study: optuna.Study) -> None:
    race(work, db.url)
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 10


def test_making_tables_again_keeps_what_is_there(db: Database, study: optuna.Study) -> None:
    create_tables(db.url)
    assert optuna.get_all_study_names(db.storage) == ["mars"]


def test_missing_tables_are_named(empty_url: str) -> None:
    with pytest.raises(StorageError, match="unet-search init"):
        connect(empty_url)


def test_a_server_that_refuses_is_one_line_without_password() -> None:
    with pytest.raises(StorageError) as caught:
        connect("postgresql://me:s3cret@127.0.0.1:1/db")
    message = str(caught.value)
    assert "me:***@127.0.0.1:1/db" in message and "s3cret" not in message and "\n" not in message


def test_a_server_that_says_nothing_is_given_up() -> None:
    started = time.monotonic()
    with pytest.raises(StorageError, match="must answer"):
        connect("postgresql://me:pw@192.0.2.1/db")  # an address that is never used
    assert time.monotonic() - started < 15


@pytest.mark.parametrize(
    "url", ["sqlite:///x.db", "mysql://u:pw1@h/d", "postgresql+asyncpg://u:pw1@h/d", "mars", "h:1"]
)
def test_other_databases_are_refused(url: str) -> None:
    with pytest.raises(StorageError, match="must start with postgresql://") as caught:
        connect(url)
    assert "pw1" not in str(caught.value)


def test_an_unclear_password_is_refused_and_not_shown() -> None:
    with pytest.raises(StorageError, match="%XX") as caught:
        connect("postgresql://u:p@ss/w@host/d")
    assert "p@ss" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2"])
def test_all_names_of_postgresql_mean_one_driver(scheme: str) -> None:
    assert normalise_url(f"{scheme}://h/d") == "postgresql+psycopg2://h/d"


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("postgresql://u:p@h/d", "postgresql://u:***@h/d"),
        ("postgresql://u:a:b@c@h/d", "postgresql://u:***@h/d"),
        ("postgresql://u:a/b@h/d", "postgresql://u:***@h/d"),
        ("postgresql://:p@h/d", "postgresql://:***@h/d"),
        ("postgresql://u@h/d", "postgresql://u@h/d"),
        ("postgresql://h:5432/d", "postgresql://h:5432/d"),
        ("postgresql://h/d?user=u&password=p", "postgresql://h/d?user=u&password=***"),
        ("failed: postgresql://u:p@h/d refused", "failed: postgresql://u:***@h/d refused"),
    ],
)
def test_passwords_are_masked(url: str, masked: str) -> None:
    assert mask_url(url) == masked


def test_a_database_shows_no_password(db: Database) -> None:
    assert "s3cret" not in repr(Database("postgresql://u:s3cret@h/d", db.engine))
    assert "s3cret" not in repr(Settings(database_url="postgresql://u:s3cret@h/d"))


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("UNET_SEARCH_DIR", raising=False)
    monkeypatch.setenv("DATABASE_URL", "")
    (tmp_path / ".env").write_text("UNET_SEARCH_ARTIFACTS=pictures\nOTHER=1\n")
    assert Settings() == Settings(database_url=None, dir=Path("unet-search"), artifacts="pictures")


def test_a_folder_without_study_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with pytest.raises(StorageError, match="unet-search run"), open_database(Settings(database_url=None, dir=folder)):
        pass
    assert not folder.exists()
