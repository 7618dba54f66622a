"""One PostgreSQL server for all tests of a process, and a new database for each, cloned from a template."""

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
    """The URL of the server in TEST_DATABASE_URL, or of an embedded one that ends with the tests."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield normalise_url(given)
        return
    folder = Path(tempfile.mkdtemp(prefix="unet-test-"))
    try:
        with embedded_server(folder) as url:
            execute(url, "alter system set fsync = off", "select pg_reload_conf()")  # its data need not survive a crash
            yield url
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def template(server_url: str) -> Iterator[str]:
    """The name of a database with empty tables."""
    with fresh_database(server_url) as url:
        create_tables(url)
        yield database_name(url)


@pytest.fixture
def url_without_tables(server_url: str) -> Iterator[str]:
    """The URL of a new database without tables."""
    with fresh_database(server_url) as url:
        yield url


@pytest.fixture
def database_url(server_url: str, template: str) -> Iterator[str]:
    """The URL of a new database with empty tables."""
    with fresh_database(server_url, template) as url:
        yield url


@contextmanager
def fresh_database(server_url: str, template: str = "template0") -> Iterator[str]:
    """The URL of a new database, a clone of the template, which is dropped at the end."""
    name = f"unet_{uuid.uuid4().hex[:12]}"
    execute(server_url, f'create database "{name}" template "{template}" strategy file_copy')  # fast without fsync
    try:
        yield make_url(server_url).set(database=name).render_as_string(hide_password=False)
    finally:
        execute(server_url, f'drop database if exists "{name}" with (force)')


def database_name(url: str) -> str:
    return str(make_url(url).database)


def execute(url: str, *statements: str) -> None:
    """Executes statements one by one, outside a transaction."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()
