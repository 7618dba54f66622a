"""A worker takes two connections at most, and a server that has too few is refused before any worker starts."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg2
import pytest
from sqlalchemy import create_engine, make_url, text

from search.doctor.database import keep_server_running, look_at_database
from search.reconnect import UNREACHABLE, connect_waiting
from search.supervisor.monitor import monitor_study
from storage.database.connection import Database, open_database
from storage.database.engine import COMMAND_CONNECTIONS, WORKER_CONNECTIONS
from storage.database.health import read_health, require_connections
from storage.embedded.server import embedded_server
from storage.errors import StorageError
from storage.settings import Settings
from tests.e2e.command import FAKE_WORKER
from tests.e2e.conftest import make_search
from tests.e2e.input_folder import input_folder as input_folder
from tests.e2e.refusal import assert_refused
from tests.postgres_server import database_name, execute, through_pooler

COUNT = text("select count(*) from pg_stat_activity where datname = :name and application_name = 'unet-search'")


@contextmanager
def most_connections(db: Database) -> Iterator[list[int]]:
    """A list to which the numbers of connections to the database are added, many times a second."""
    observer, done, seen = create_engine(db.url, isolation_level="AUTOCOMMIT"), threading.Event(), list[int]()

    def look() -> None:
        with observer.connect() as connection:
            while not done.wait(0.01):
                seen.append(int(connection.scalar(COUNT, {"name": database_name(db.url)}) or 0))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()
        observer.dispose()


class NoDisplay:
    def show(self, *_: object) -> None:
        pass


def test_three_workers_and_their_supervisor(server_url: str, template: str, tmp_path: Path) -> None:
    with make_search(server_url, template, tmp_path) as search, most_connections(search.db) as seen:
        tick = monitor_study(search.db, search.create_study(6), NoDisplay(), tmp_path)  # type: ignore[arg-type]
        assert search.run(3, on_tick=tick) == 0
    assert 3 < max(seen) <= 3 * WORKER_CONNECTIONS + COMMAND_CONNECTIONS
    assert (WORKER_CONNECTIONS, COMMAND_CONNECTIONS) == (2, 4)


def test_optunas_storage_shares_our_pool(db: Database) -> None:
    assert db.storage.get_all_studies() == []
    assert read_health(db.url).connections >= 1 and db.engine.pool.checkedin() == 1  # type: ignore[attr-defined]


def test_opening_optunas_storage_takes_one_connection_of_the_pool(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with db.engine.connect(), db.engine.connect():
        pass  # the pool has two from now on
    monkeypatch.setattr(psycopg2, "connect", None)
    with db.engine.connect():  # as the thread that renews leases
        assert db.storage.get_all_studies() == []


def test_a_workers_third_thread_waits(db: Database) -> None:
    worker = connect_waiting(db.url, threading.Event())
    worker.engine.pool._timeout = 0.1  # type: ignore[attr-defined]
    with worker.engine.connect(), worker.engine.connect() as second:
        with pytest.raises(UNREACHABLE, match="QueuePool limit"):
            worker.engine.connect()
        second.close()
        assert worker.engine.connect().closed is False
    worker.close()


def test_too_few_connections_are_refused_before_a_worker_starts(db: Database, input_folder: Path) -> None:
    execute(db.url, f'alter database "{database_name(db.url)}" connection limit 9')
    words = r"3 workers and their supervisor must have up to 10 connections; got \d+ left of 9; raise .*--workers"
    folder = input_folder.parent / "elsewhere"  # where a study stays, which the command has made
    line = f"run search.toml {FAKE_WORKER.replace('--workers 1', '')} --workers 3 --dir {folder}"
    assert_refused(line, words, input_folder, DATABASE_URL=db.url)


def test_connections_of_other_hosts_count(db: Database) -> None:
    health = read_health(db.url)
    room = health.max_connections - health.connections
    require_connections(db.url, (room - COMMAND_CONNECTIONS) // WORKER_CONNECTIONS - 4)  # more or fewer by then
    with pytest.raises(StorageError, match="must have up to"):
        require_connections(db.url, health.max_connections // WORKER_CONNECTIONS - 1)


def test_a_user_without_rights_sees_the_others_connections(db: Database) -> None:
    name = f"plain_{uuid4().hex[:8]}"
    execute(db.url, f"create role {name} login password 'plain'", f"grant pg_read_all_data to {name}")
    try:
        url = make_url(db.url).set(username=name, password="plain").render_as_string(hide_password=False)
        assert read_health(url).connections > 1
    finally:
        execute(db.url, f"drop role {name}")


def test_a_pooler_is_noticed(db: Database, pooler: str) -> None:
    assert not read_health(db.url).pooled
    there = through_pooler(db.url, pooler)
    assert read_health(there).pooled
    require_connections(there, 1000)  # its clients wait for each other


def test_doctor_looks_at_an_embedded_server_as_a_search_starts_it(tmp_path: Path) -> None:
    with embedded_server(tmp_path):
        pass  # makes the data
    settings = Settings(database_url=None, dir=tmp_path)
    with keep_server_running(settings, workers=64):
        states = {check.name: check.state for check in look_at_database(settings, workers=64)}
    assert states["connections"] == "ok"


def test_an_embedded_server_has_connections_for_its_workers(tmp_path: Path) -> None:
    with open_database(Settings(database_url=None, dir=tmp_path), create=True, workers=64) as db:
        assert read_health(db.url).max_connections > 2 * 64 * WORKER_CONNECTIONS
        require_connections(db.url, 64)
