"""A database server's version, connections, tables and clock, by which a search can tell whether it can use it."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, text

from storage.database.connection import connect, make_engine, translate_errors
from storage.database.schema import has_table, has_tables, own_version
from storage.settings import normalise_url

MIN_MAJOR = 15  # oldest supported version of PostgreSQL


@dataclass(frozen=True)
class Health:
    """A server as one user of it sees it. Versions of tables are None where there are none."""

    version: str  # PostgreSQL's, such as 18.1
    major: int
    max_connections: int  # of this user
    other_connections: int  # of other programs, at this moment
    optuna_version: str | None  # of the Optuna that made its tables
    own_version: int | None  # of our tables
    clock_ahead_s: float  # of this machine's; negative where the server's clock is behind


# The server's version and connections. A limit of -1 is none; CONNECT_ARGS gives our connections their name.
_GET_SERVER = text("""
    select current_setting('server_version') as version, current_setting('server_version_num')::int / 10000 as major,
      least(
        current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
          - coalesce(current_setting('reserved_connections', true)::int, 0),
        (select nullif(datconnlimit, -1) from pg_database where datname = current_database()),
        (select nullif(rolconnlimit, -1) from pg_roles where rolname = current_user)) as max_connections,
      (select count(*) from pg_stat_activity
       where backend_type = 'client backend' and application_name is distinct from 'unet-search'
      ) as other_connections""")
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
                other_connections=row.other_connections,
                optuna_version=_optuna_version(connection),
                own_version=own_version(connection) if has_tables(connection) else None,
                clock_ahead_s=_compare_clock(lambda: float(connection.scalar(_GET_TIME) or 0)),
            )
    finally:
        engine.dispose()


def check_tables(url: str) -> None:
    """Raises StorageError where the tables are not of the installed versions. Imports Optuna."""
    database = connect(url)
    try:
        _ = database.storage
    finally:
        database.close()


def _optuna_version(connection: Connection) -> str | None:
    return connection.scalar(_GET_OPTUNA_VERSION) if has_table(connection, "version_info") else None


def _compare_clock(read_clock: Callable[[], float]) -> float:
    """How many seconds a clock is ahead of ours, which is read before and after it and averaged."""
    before = time.time()
    there = read_clock()
    return there - (before + time.time()) / 2
