"""A database server's version, connections, tables and clock, by which a search can tell whether it can use it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from storage.database.connection import connect, translate_errors
from storage.database.engine import make_engine, needed_connections
from storage.database.schema import has_table, has_tables, own_version
from storage.errors import StorageError
from storage.settings import normalise_url

MIN_MAJOR = 15  # oldest supported version of PostgreSQL


@dataclass(frozen=True)
class Health:
    """A server as one user of it sees it. Versions of tables are None where there are none."""

    version: str  # PostgreSQL's, such as 18.1
    major: int
    max_connections: int  # of this user
    connections: int  # at this moment
    other_connections: int  # those of other programs
    optuna_version: str | None  # of the Optuna that made its tables
    own_version: int | None  # of our tables
    clock_ahead_s: float  # of this machine's; negative where the server's clock is behind
    pooled: bool = False  # whether a connection pooler is in between


# The server's version and connections. A limit of -1 is none; CONNECT_ARGS gives our connections their name. A user
# without rights sees no more of other users' connections than who they are.
_GET_SERVER = text("""
    select current_setting('server_version') as version, current_setting('server_version_num')::int / 10000 as major,
      least(
        current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
          - coalesce(current_setting('reserved_connections', true)::int, 0),
        (select nullif(datconnlimit, -1) from pg_database where datname = current_database()),
        (select nullif(rolconnlimit, -1) from pg_roles where rolname = current_user)) as max_connections,
      pg_backend_pid() as pid, count(a.pid) as connections,
      count(a.pid) filter (where a.application_name is distinct from 'unet-search') as other_connections
    from pg_stat_activity a where a.usesysid is not null and a.datid is not null""")
_GET_TIME = text("select extract(epoch from clock_timestamp())::float8")  # seconds since 1970
_GET_OPTUNA_VERSION = text("select library_version from version_info")


def read_health(url: str) -> Health:
    """The server's health. Raises StorageError after some seconds without a reply."""
    url = normalise_url(url)
    engine = make_engine(url)
    try:
        with translate_errors(url), engine.connect() as connection:
            row = connection.execute(_GET_SERVER).one()
            return Health(
                version=row.version.split()[0],
                major=row.major,
                max_connections=row.max_connections,
                connections=row.connections,
                other_connections=row.other_connections,
                optuna_version=_optuna_version(connection),
                own_version=own_version(connection) if has_tables(connection) else None,
                pooled=row.pid != _believed_pid(connection),
                clock_ahead_s=_compare_clock(lambda: float(connection.scalar(_GET_TIME) or 0)),
            )
    finally:
        engine.dispose()


def require_connections(url: str, workers: int) -> None:
    """Raises StorageError where a host's workers and their supervisor would not all get a connection."""
    health = read_health(url)
    if reason := lack_of_connections(health, workers, health.max_connections - health.connections):
        raise StorageError(reason)


def lack_of_connections(health: Health, workers: int, left: int) -> str | None:
    """The line about a server with too few connections left for so many workers and their supervisor, if it has.

    A pooler, such as pgbouncer, lets its clients wait for a connection instead.
    """
    needed = needed_connections(workers)
    if health.pooled or left >= needed:
        return None
    return (
        f"{workers} workers and their supervisor must have up to {needed} connections; got {left} left of "
        f"{health.max_connections}; raise the server's max_connections, end other programs that use it, or lower "
        "--workers"
    )


def check_tables(url: str) -> None:
    """Raises StorageError where the tables are not of the installed versions. Imports Optuna."""
    database = connect(url)
    try:
        _ = database.storage
    finally:
        database.close()


def _optuna_version(connection: Connection) -> str | None:
    return connection.scalar(_GET_OPTUNA_VERSION) if has_table(connection, "version_info") else None


def _believed_pid(connection: Connection) -> int:
    """The process at the other end as libpq was told: a pooler gives a number of its own."""
    session: Any = connection.connection.driver_connection
    return int(session.info.backend_pid)


def _compare_clock(read_clock: Callable[[], float]) -> float:
    """How many seconds a clock is ahead of ours, which is read before and after it and averaged."""
    before = time.time()
    there = read_clock()
    return there - (before + time.time()) / 2
