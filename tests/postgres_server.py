"""One PostgreSQL server for all tests of a process, and a new database for each, cloned from a template."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import URL, create_engine, make_url, text

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


@pytest.fixture(scope="session")
def pooler(server_url: str) -> Iterator[str]:
    """The folder of the socket of a pgbouncer before the server, which gives each transaction any session."""
    program = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    server = make_url(server_url)
    place = str(server.query.get("host") or server.host)
    if program is None:
        pytest.skip("pgbouncer is not installed")
    if not place.startswith("/"):
        pytest.skip("the tests' server has no socket for pgbouncer")
    folder = Path(tempfile.mkdtemp(prefix="unet-pgb-"))
    owner = os.stat(place)  # pgbouncer refuses to run as root, and whoever runs the server may use its socket
    os.chown(folder, owner.st_uid, owner.st_gid)
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\n* = host=/proc/self/cwd port=5432 user={server.username}\n"
        f"[pgbouncer]\nunix_socket_dir = {folder}\nlisten_port = 6432\nauth_type = any\npool_mode = transaction\n"
        "default_pool_size = 20\nserver_check_delay = 0\n"
    )
    is_root = os.geteuid() == 0
    process = subprocess.Popen(
        [program, "-q", folder / "pgbouncer.ini"],
        cwd=place,
        user=owner.st_uid if is_root else None,
        group=owner.st_gid if is_root else None,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for_socket(folder / ".s.PGSQL.6432", process)
        yield str(folder)
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder)


def wait_for_socket(path: Path, process: "subprocess.Popen[bytes]") -> None:
    """Returns as soon as something listens at the socket."""
    deadline = time.monotonic() + 30
    with socket.socket(socket.AF_UNIX) as client:
        while client.connect_ex(str(path)):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.02)


def through_pooler(url: str, pooler: str) -> str:
    """The URL of the same database by way of pgbouncer."""
    there = URL.create(make_url(url).drivername, "postgres", database=database_name(url))
    return there.set(query={"host": pooler, "port": "6432"}).render_as_string(hide_password=False)


def database_name(url: str) -> str:
    return str(make_url(url).database)


def execute(url: str, *statements: str) -> None:
    """Executes statements one by one, outside a transaction."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()
