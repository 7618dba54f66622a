"""Older tables are upgraded once; newer ones are refused."""

import multiprocessing

import optuna
import pytest
from sqlalchemy import text

from storage.database import schema
from storage.database.connection import Database, connect, create_tables
from storage.database.upgrade import Upgraded, upgrade_tables
from storage.errors import StorageError

# Undoes Optuna's last upgrade, and makes our tables as they were before their version was stored.
DOWNGRADE = (
    "drop index ix_trials_study_id",
    "update alembic_version set version_num = 'v3.0.0.d'",
    "drop table unet_search_version",
)
PROCESSES = multiprocessing.get_context("forkserver")


def execute(db: Database, *statements: str) -> None:
    with db.engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def version(db: Database) -> int:
    with db.engine.connect() as connection:
        return schema.own_version(connection)


def test_older_tables_are_upgraded(db: Database, study: optuna.Study) -> None:
    execute(db, *DOWNGRADE)
    assert upgrade_tables(db.url) == Upgraded(("v3.0.0.d", "v3.2.0.a"), (1, 1))
    assert upgrade_tables(db.url) == Upgraded(("v3.2.0.a", "v3.2.0.a"), (1, 1))
    again = connect(db.url)
    assert optuna.load_study(study_name="mars", storage=again.storage).trials == []
    again.close()


def test_two_processes_upgrade_at_once(db: Database, study: optuna.Study) -> None:
    execute(db, *DOWNGRADE)
    started = [PROCESSES.Process(target=upgrade_tables, args=(db.url,)) for _ in range(2)]
    for process in started:
        process.start()
    for process in started:
        process.join(100)
    assert [process.exitcode for process in started] == [0, 0]
    with db.engine.connect() as connection:
        assert connection.scalar(text("select version_num from alembic_version")) == "v3.2.0.a"
        assert connection.scalars(text("select version from unet_search_version")).all() == [1]


def test_older_tables_of_optuna_name_the_command(db: Database) -> None:
    execute(db, *DOWNGRADE)
    with pytest.raises(StorageError, match="run `unet-search db upgrade`"):
        create_tables(db.url)


def test_our_upgrades_are_done_in_turn(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    upgrades = {
        2: ("alter table unet_search_studies add two integer",),
        3: ("alter table unet_search_studies add three integer", "update unet_search_studies set three = two"),
    }
    monkeypatch.setattr(schema, "VERSION", 3)
    monkeypatch.setattr(schema, "UPGRADES", upgrades)
    with pytest.raises(StorageError, match=r"must be of version 3, .* got version 1; run `unet-search db upgrade`"):
        connect(db.url)
    with pytest.raises(StorageError, match="run `unet-search db upgrade`"):
        create_tables(db.url)
    assert upgrade_tables(db.url).own == (1, 3)
    assert version(db) == 3
    connect(db.url).close()


def test_newer_tables_are_refused(db: Database) -> None:
    execute(db, "update unet_search_version set version = 9")
    for use in (connect, create_tables, upgrade_tables):
        with pytest.raises(StorageError, match=r"must be of version 1, .* got version 9; install a newer unet-search"):
            use(db.url)


def test_tables_of_a_newer_optuna_are_refused(db: Database) -> None:
    execute(db, "update alembic_version set version_num = 'v9.0.0.a'")
    with pytest.raises(StorageError, match=r"Optuna 5\S* knows, up to v3.2.0.a; got v9.0.0.a"):
        upgrade_tables(db.url)


def test_a_database_without_tables_stays_without(url_without_tables: str) -> None:
    with pytest.raises(StorageError, match="run `unet-search init`"):
        upgrade_tables(url_without_tables)
    with pytest.raises(StorageError, match="run `unet-search init`"):
        upgrade_tables(url_without_tables)
