"""A server that takes clients by TLS alone: a whole search over it, and what is refused with one line."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from search.worker.contract import DONE
from storage.database.connection import connect, create_tables
from storage.errors import StorageError
from tests.conftest import ROOT
from tests.e2e.command import FAKE_WORKER, run_command
from tests.e2e.input_folder import write_input
from tests.integration.database.tls_server import PASSWORD, TlsServer, tls_server
from tests.postgres_server import execute

CLIENTS = text("""
    select count(*), count(*) filter (where ssl) from pg_stat_ssl join pg_stat_activity using (pid)
    where application_name = 'unet-search'""")


@pytest.fixture(scope="module")
def server() -> Iterator[TlsServer]:
    with tls_server() as found:
        execute(found.local_url, f"alter role postgres password '{PASSWORD}'")
        create_tables(found.local_url)
        yield found


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
def test_every_connection_is_encrypted(server: TlsServer, mode: str) -> None:
    db = connect(server.url(mode, server.authority))
    observer = create_engine(server.local_url)
    try:
        with db.engine.connect(), observer.connect() as connection:
            clients, encrypted = connection.execute(CLIENTS).one()
        assert clients == encrypted == 1
    finally:
        db.close()
        observer.dispose()


@pytest.mark.parametrize(
    ("mode", "host", "complaint"),
    [
        ("disable", "127.0.0.1", "no encryption"),
        ("verify-full", "localhost", 'does not match host name "localhost"'),
    ],
)
def test_what_is_not_safe_is_refused(server: TlsServer, mode: str, host: str, complaint: str) -> None:
    with pytest.raises(StorageError, match=complaint) as refused:
        connect(server.url(mode, server.authority, host))
    assert PASSWORD not in str(refused.value) and "\n" not in str(refused.value)


def test_a_certificate_of_another_authority_is_refused(server: TlsServer) -> None:
    with pytest.raises(StorageError, match="certificate verify failed") as refused:
        connect(server.url("verify-full", server.stranger))
    assert "\n" not in str(refused.value)


def test_a_missing_certificate_is_named(server: TlsServer) -> None:
    with pytest.raises(StorageError, match=r"none\.pem.*does not exist"):
        connect(server.url("verify-full", Path("/none.pem")))


WITH_TENSORFLOW = """
import search, sys, tensorflow
from storage.database.connection import connect
connect(sys.argv[1]).close()
"""


def test_a_process_with_tensorflow_connects(server: TlsServer) -> None:
    """TensorFlow's library has a TLS of its own, at which psycopg2's crashes unless it was loaded before."""
    command = [sys.executable, "-c", WITH_TENSORFLOW, server.url("verify-full", server.authority)]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}, timeout=120)
    assert done.returncode == 0


def test_a_search_runs_over_it(server: TlsServer, tmp_path: Path) -> None:
    write_input(tmp_path)
    url = server.url("verify-full", server.authority)
    done = run_command(f"run search.toml {FAKE_WORKER}", tmp_path, DATABASE_URL=url)
    assert done.status == DONE, done.err
    assert "2 of 2 trials, 2 complete" in done.out + done.err
