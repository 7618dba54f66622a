"""What a database server says of itself: enough to tell whether a search can use it."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import text

from storage.database.connection import connect, make_engine, reported
from storage.database.schema import has_table, has_tables, own_version
from storage.settings import normalise_url

OLDEST = 15  # major version of PostgreSQL
FROM_OPTUNA = "version_info"  # Optuna's table of its own version


@dataclass(frozen=True)
class Health:
    """A server as a client finds it."""

    version: str  # PostgreSQL's, such as 18.1
    major: int
    connections: int  # that this user may have at all
    others: int  # connections of other programs now
    optuna: str | None  # the version that made its tables; None where there are none
    ours: int | None  # the version of our tables; None where there are none
    ahead_s: float  # seconds that its clock is ahead of this machine's; negative behind


# `application_name` is what storage/database/connection.py gives to ours. -1 means no limit of its own.
SERVER = text("""
    select current_setting('server_version') as version, current_setting('server_version_num')::int / 10000 as major,
      least(
        current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
          - coalesce(current_setting('reserved_connections', true)::int, 0),
        (select nullif(datconnlimit, -1) from pg_database where datname = current_database()),
        (select nullif(rolconnlimit, -1) from pg_roles where rolname = current_user)) as connections,
      (select count(*) from pg_stat_activity
       where backend_type = 'client backend' and application_name is distinct from 'unet-search') as others""")
CLOCK = text("select extract(epoch from clock_timestamp())::float8")
OPTUNA_VERSION = text(f"select library_version from {FROM_OPTUNA}")


def look_at_server(url: str) -> Health:
    """The server's health. Raises StorageError within some seconds where it does not answer."""
    url = normalise_url(url)
    engine = make_engine(url)
    try:
        with reported(url), engine.connect() as connection:
            row = connection.execute(SERVER).one()
            return Health(
                version=row.version.split()[0],
                major=row.major,
                connections=row.connections,
                others=row.others,
                optuna=connection.scalar(OPTUNA_VERSION) if has_table(connection, FROM_OPTUNA) else None,
                ours=own_version(connection) if has_tables(connection) else None,
                ahead_s=_ahead(lambda: float(connection.scalar(CLOCK) or 0)),
            )
    finally:
        engine.dispose()


def check_tables(url: str) -> None:
    """Raises StorageError where the tables are of other versions than those installed here; imports Optuna."""
    database = connect(url)
    try:
        _ = database.storage
    finally:
        database.close()


def _ahead(ask: Callable[[], float]) -> float:
    """The asked clock against ours, in the middle between question and answer."""
    before = time.time()
    there = ask()
    return there - (before + time.time()) / 2
