"""The embedded server gets nothing of our environment that it does not need, and is reached whatever is in it."""

import os
from pathlib import Path

import psutil
import pytest

from storage.embedded.control import ENVIRONMENT
from storage.embedded.server import embedded_server
from tests.integration.embedded.conftest import query, server_pid

SECRETS = ("DATABASE_URL", "DASHBOARD_PASSWORD", "AWS_SECRET_ACCESS_KEY", "PGPASSWORD")
SHELL = ("PWD", "SHLVL", "_")  # of the shell that `pg_ctl` starts the server by

# What each would do to our connections: other places, and demands that the server does not meet.
FOR_OTHER_SERVERS = {
    "PGHOST": "192.0.2.1",
    "PGHOSTADDR": "192.0.2.1",
    "PGPORT": "6543",
    "PGDATABASE": "other",
    "PGUSER": "other",
    "PGSERVICE": "missing",
    "PGSERVICEFILE": "/missing",
    "PGOPTIONS": "-c default_transaction_read_only=on",
    "PGSSLMODE": "verify-full",
    "PGSSLNEGOTIATION": "direct",
    "PGGSSENCMODE": "require",
    "PGREQUIREAUTH": "scram-sha-256",
    "PGREQUIREPEER": "nobody",
    "PGCHANNELBINDING": "require",
    "PGTARGETSESSIONATTRS": "standby",
    "PGCLIENTENCODING": "LATIN1",
    "PGPASSFILE": "/missing",
    "PGTZ": "Asia/Tokyo",
}


def test_the_server_does_not_get_our_passwords(used_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SECRETS:
        monkeypatch.setenv(name, "s3cret")
    with embedded_server(used_folder):
        pid = server_pid(used_folder)
        server = psutil.Process(pid)
        for process in (server, *server.children(recursive=True)):
            found = {name for name in process.environ() if not name.startswith("PG")}  # of its own
            assert found <= {*ENVIRONMENT, *SHELL} and "s3cret" not in str(process.environ())


def test_libpqs_variables_are_for_other_servers(used_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with embedded_server(used_folder) as first:
        for name, value in FOR_OTHER_SERVERS.items():
            monkeypatch.setenv(name, value)
            with embedded_server(used_folder) as url:  # joins the server
                assert url == first and query(url, "show default_transaction_read_only") == "off", name
                assert query(url, "show client_encoding") == "UTF8" and name not in os.environ, name
            assert os.environ.pop(name) == value  # left as it was


def test_libpqs_variables_do_not_change_new_data(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in FOR_OTHER_SERVERS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PGDATA", "/missing")
    with embedded_server(folder) as url:
        assert query(url, "select current_database() || current_user") == "postgrespostgres"


def test_nobody_may_come_by_tcp(used_folder: Path) -> None:
    rules = "select string_agg(distinct auth_method, ',') from pg_hba_file_rules where type like '%host%'"
    with embedded_server(used_folder) as url:
        assert query(url, rules) == "reject"
        assert query(url, rules.replace("like '%host%'", "= 'local'")) == "trust"
