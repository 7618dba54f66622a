"""One real PostgreSQL for all tests, and in it a fresh database for each, cloned from a template."""

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from sqlalchemy import create_engine, make_url, text

from storage.database import Database, connect, create_tables
from storage.embedded import embedded_server
from storage.settings import normalise_url
from storage.study import set_budget


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """The server of TEST_DATABASE_URL, or an embedded one that ends with the tests."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield normalise_url(given)
        return
    folder = Path(tempfile.mkdtemp(prefix="unet-test-"))
    try:
        with embedded_server(folder) as url:
            yield url
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def template(server_url: str) -> Iterator[str]:
    """The name of a database that holds the tables and nothing else."""
    with _database(server_url, "template0") as url:
        create_tables(url)
        yield str(make_url(url).database)


@pytest.fixture
def empty_url(server_url: str) -> Iterator[str]:
    """The URL of a database without tables."""
    with _database(server_url, "template0") as url:
        yield url


@pytest.fixture
def database_url(server_url: str, template: str) -> Iterator[str]:
    """The URL of a database with empty tables."""
    with _database(server_url, template) as url:
        yield url


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    database = connect(database_url)
    yield database
    database.close()


@pytest.fixture
def study(db: Database) -> optuna.Study:
    """An empty study of 10 trials."""
    study = optuna.create_study(study_name="mars", storage=db.storage, direction="maximize")
    set_budget(db, study._study_id, 10)
    return study


class _database:
    """A database that is dropped again."""

    def __init__(self, server_url: str, template: str) -> None:
        self.server, self.template, self.name = server_url, template, f"unet_{uuid.uuid4().hex[:12]}"

    def __enter__(self) -> str:
        self._run(f'create database "{self.name}" template "{self.template}"')
        return make_url(self.server).set(database=self.name).render_as_string(hide_password=False)

    def __exit__(self, *_: object) -> None:
        self._run(f'drop database if exists "{self.name}" with (force)')

    def _run(self, sql: str) -> None:
        engine = create_engine(self.server, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(sql))
        engine.dispose()
