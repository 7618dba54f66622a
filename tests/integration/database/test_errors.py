"""Whatever the database refuses or fails to do is one line of ours, also inside a command and while it restarts."""

import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import optuna
import pytest
from sqlalchemy import make_url, text

from storage.database.connection import Database, connect, create_tables, open_database
from storage.embedded import control
from storage.embedded.server import embedded_server
from storage.errors import StorageError
from storage.settings import Settings
from storage.studies.study import find_study, freeze_question
from tests.postgres_server import execute

UNWRITABLE = ("a\0b", "caf\udce9")


@pytest.fixture(scope="module")
def own_server() -> Iterator[tuple[str, Path]]:
    """The URL and the data folder of a server that may be stopped; its database has tables."""
    folder = Path(tempfile.mkdtemp(prefix="unet-own-"))
    with embedded_server(folder) as url:
        create_tables(url)
        yield url, folder / "pgdata"
    shutil.rmtree(folder)


def assert_one_line(error: BaseException) -> None:
    assert isinstance(error, StorageError) and "\n" not in str(error), repr(error)


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
@pytest.mark.parametrize("use", [connect, create_tables])
def test_a_database_that_cannot_hold_every_name(server_url: str, encoding: str, use: Callable[[str], object]) -> None:
    name = f"unet_{uuid4().hex[:12]}"
    execute(server_url, f"create database {name} encoding '{encoding}' locale 'C' template template0")
    try:
        with pytest.raises(StorageError, match=f"encoding must be UTF8; got {encoding}; make another one, with"):
            use(make_url(server_url).set(database=name).render_as_string(hide_password=False))
    finally:
        execute(server_url, f"drop database {name} with (force)")


def set_name(db: Database, name: str) -> None:
    with db.engine.begin() as connection:
        connection.execute(text("update studies set study_name = :name"), {"name": name})


@pytest.mark.parametrize("name", UNWRITABLE)
def test_names_that_no_database_can_hold(db: Database, study: optuna.Study, name: str) -> None:
    uses: tuple[Callable[[], object], ...] = (
        lambda: set_name(db, name),
        lambda: optuna.create_study(study_name=name, storage=db.storage),
        lambda: study.set_user_attr(name, 1),
        lambda: study.ask().set_user_attr(name, 1),
    )
    for use in uses:
        with pytest.raises(StorageError, match=r"must be Unicode without zero bytes; got .*; rename it"):
            use()


@pytest.mark.parametrize("name", UNWRITABLE)
def test_json_that_no_database_can_hold(db: Database, study: optuna.Study, name: str) -> None:
    with (
        pytest.raises(StorageError, match="must be Unicode without zero bytes"),
        open_database(Settings(database_url=db.url)) as other,
    ):
        freeze_question(other, study._study_id, {"name": name})


def test_a_user_without_rights(server_url: str, db: Database) -> None:
    name = f"plain_{uuid4().hex[:8]}"
    execute(server_url, f"create role {name} login")
    url = make_url(db.url).set(username=name).render_as_string(hide_password=False)
    empty = make_url(url).set(database="postgres").render_as_string(hide_password=False)
    try:
        with pytest.raises(StorageError, match=r"must have the right to do this; got permission denied .*; grant it"):
            create_tables(empty)
        execute(db.url, f"grant pg_read_all_data to {name}")
        with (
            pytest.raises(StorageError, match="must have the right to do this; got permission denied for table"),
            open_database(Settings(database_url=url)) as other,
            other.engine.begin() as connection,
        ):
            connection.execute(text("delete from unet_search_slots"))
    finally:
        execute(server_url, f"drop role {name}")


@pytest.mark.parametrize(
    "use",
    [
        lambda db: db.engine.connect(),
        lambda db: find_study(db, "mars"),
        lambda db: db.storage.get_all_studies(),
        lambda db: optuna.create_study(storage=db.storage),
    ],
    ids=["connection", "our own statement", "Optuna's storage opened", "Optuna's statement"],
)
def test_a_server_that_goes_away_inside_a_command(
    own_server: tuple[str, Path], use: Callable[[Database], object], request: pytest.FixtureRequest
) -> None:
    url, pgdata = own_server
    with pytest.raises(StorageError, match=r"the database must answer; got .*; check") as caught:
        with open_database(Settings(database_url=url)) as db:
            if "Optuna's statement" in request.node.name:
                _ = db.storage
            control.stop(pgdata)
            try:
                use(db)
            finally:
                control.start(pgdata)
    assert_one_line(caught.value)


def test_a_defect_inside_a_command_is_no_fault_of_the_database(db: Database) -> None:
    with pytest.raises(ZeroDivisionError), open_database(Settings(database_url=db.url)):
        _ = 1 / 0


def test_every_failure_to_connect_over_a_restart_is_one_line(own_server: tuple[str, Path]) -> None:
    url, pgdata = own_server
    failures, done = list[Exception](), threading.Event()

    def keep_connecting() -> None:
        while not done.is_set():
            try:
                connect(url).close()
            except Exception as error:
                failures.append(error)

    threads = [threading.Thread(target=keep_connecting) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(2):
        time.sleep(0.2)  # so that connections are at every stage
        control.stop(pgdata)
        control.start(pgdata)
    done.set()
    for thread in threads:
        thread.join()
    assert failures
    for error in failures:
        assert_one_line(error)
    connect(url).close()
