"""One real PostgreSQL for all tests of a process, and in it a fresh database for each, cloned from a template."""

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from storage.database.connection import create_tables
from storage.embedded.server import embedded_server
from storage.settings import normalise_url


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
    with fresh_database(server_url) as url:
        create_tables(url)
        yield str(make_url(url).database)


@pytest.fixture
def empty_url(server_url: str) -> Iterator[str]:
    """The URL of a database without tables."""
    with fresh_database(server_url) as url:
        yield url


@pytest.fixture
def database_url(server_url: str, template: str) -> Iterator[str]:
    """The URL of a database with empty tables."""
    with fresh_database(server_url, template) as url:
        yield url


@contextmanager
def fresh_database(server_url: str, template: str = "template0") -> Iterator[str]:
    """The URL of a database that is dropped again; with the template's tables."""
    name = f"unet_{uuid.uuid4().hex[:12]}"
    _run(server_url, f'create database "{name}" template "{template}"')
    try:
        yield make_url(server_url).set(database=name).render_as_string(hide_password=False)
    finally:
        _run(server_url, f'drop database if exists "{name}" with (force)')


def _run(server_url: str, sql: str) -> None:
    engine = create_engine(server_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(sql))
    engine.dispose()
