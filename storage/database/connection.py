"""Connections to a PostgreSQL database with Optuna's tables and ours.

Optuna's storage takes a second to import, so it is imported only where it is used: `status` needs SQL alone.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from sqlalchemy import Connection, Engine, create_engine, make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from storage.database.schema import SCHEMA, check_version, create_own_tables, has_tables, lock
from storage.embedded.server import embedded_server, has_server
from storage.errors import StorageError
from storage.settings import Settings, mask_url, normalise_url

if TYPE_CHECKING:
    from optuna.storages import BaseStorage, RDBStorage

CONNECT_S = 5

CONNECT_ARGS = {
    "connect_timeout": CONNECT_S,  # otherwise a host that drops packets would delay a command for minutes
    "application_name": "unet-search",  # shown by pg_stat_activity
    "keepalives": 1,  # against firewalls that drop connections that are idle during long epochs
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,  # milliseconds until a silent server counts as lost
}
ENGINE_KWARGS: dict[str, Any] = {
    "pool_size": 2,  # for the training thread and the one that renews leases: 8 workers need less than 40 connections
    "max_overflow": 2,  # opening Optuna's storage takes two at once; the dashboard has several threads
    "pool_pre_ping": True,  # replaces connections that the server or a firewall has dropped
    "pool_recycle": 1800,  # seconds; less than proxies usually allow
    "isolation_level": "READ COMMITTED",  # after a lock, statements must see what its last holder wrote
    "connect_args": CONNECT_ARGS,
}


@dataclass(frozen=True)
class Database:
    """An open database. `url` contains the password; `masked_url` is to be shown."""

    url: str
    engine: Engine  # for our own SQL

    def __repr__(self) -> str:
        return f"Database({self.masked_url!r})"

    @property
    def masked_url(self) -> str:
        """The URL without its password."""
        return mask_url(self.url)

    @cached_property
    def storage(self) -> "BaseStorage":
        """Optuna's storage, with its cache and without heartbeats; its first use takes about a second."""
        from optuna.storages import get_storage

        return get_storage(_optuna_storage(self.url, skip_table_creation=True))

    def close(self) -> None:
        """Closes all idle connections; a later use opens new ones."""
        self.engine.dispose()
        backend = getattr(self.__dict__.get("storage"), "_backend", None)
        if backend is not None:
            backend.engine.dispose()


def create_tables(url: str) -> None:
    """Creates Optuna's tables and ours where they are missing; any number of processes may do so at once."""
    url = normalise_url(url)
    engine = make_engine(url)
    try:
        with translate_errors(url), engine.begin() as connection:
            lock(connection, SCHEMA)
            _optuna_storage(url, skip_table_creation=False).engine.dispose()
            create_own_tables(connection)
    finally:
        engine.dispose()


def connect(url: str) -> Database:
    """Opens a database with tables. Raises StorageError where there are none, or after some seconds without a reply."""
    url = normalise_url(url)
    engine = make_engine(url)
    with translate_errors(url), engine.connect() as connection:
        ready = has_tables(connection)
        if ready:
            check_version(connection)
    if not ready:
        engine.dispose()
        raise StorageError(
            f"the database must hold the tables of unet-search; got none in {mask_url(url)}; run `unet-search init`"
        )
    return Database(url, engine)


@contextmanager
def open_database(settings: Settings, create: bool = False) -> Iterator[Database]:
    """Yields the database of DATABASE_URL, or that of the embedded server in the run's folder.

    Args:
        settings: where the database is.
        create: makes missing tables, and the embedded server's data; otherwise they are a StorageError.
    """
    with find_database(settings, create) as url:
        if create:
            create_tables(url)
        database = connect(url)
        try:
            yield database
        finally:
            database.close()


@contextmanager
def find_database(settings: Settings, create: bool) -> Iterator[str]:
    """Yields the URL of the database while its server runs; `create` makes missing data of an embedded server."""
    if settings.database_url is not None:
        yield settings.database_url
        return
    if not create and not has_server(settings.dir):
        raise StorageError(
            f"the run's folder must hold a study; got none in {settings.dir}; "
            "start one with `unet-search run`, name its folder with --dir, or its server with DATABASE_URL"
        )
    with embedded_server(settings.dir) as url:
        yield url


@contextmanager
def joined_transaction(db: Database) -> Iterator[Connection]:
    """A transaction of which everything is part that Optuna's storage reads or writes in this thread.

    Optuna opens a session for every call. Inside the context, this thread's session uses the transaction's connection,
    and Optuna's commits end savepoints.
    """
    from sqlalchemy.orm import Session  # slow to import, as Optuna's storage is

    backend: RDBStorage = getattr(db.storage, "_backend")  # noqa: B009 - BaseStorage has no such attribute
    with backend.engine.begin() as connection:
        backend.scoped_session.registry.set(Session(connection, join_transaction_mode="create_savepoint"))
        try:
            yield connection
        finally:
            backend.scoped_session.remove()


def make_engine(url: str) -> Engine:
    """An engine with our settings. Raises StorageError for an invalid URL."""
    try:
        return create_engine(url, **ENGINE_KWARGS)
    except SQLAlchemyError as error:
        raise StorageError(
            f"DATABASE_URL must be a PostgreSQL URL; got {mask_url(url)!r}; "
            "give postgresql://USER:PASSWORD@HOST/DATABASE"
        ) from error


def _optuna_storage(url: str, skip_table_creation: bool) -> "RDBStorage":
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)  # a line for every trial would break the live table
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        # A copy, since Optuna may change the dictionary.
        return optuna.storages.RDBStorage(url, dict(ENGINE_KWARGS), skip_table_creation=skip_table_creation)
    except RuntimeError as error:
        if "no longer compatible" not in str(error):
            raise
        raise StorageError(
            f"the tables must be those of Optuna {optuna.__version__}; got another version's in {mask_url(url)}; "
            "run `unet-search db upgrade` (or update Optuna)"
        ) from error


@contextmanager
def translate_errors(url: str) -> Iterator[None]:
    """Raises StorageError, one line without the password, for errors of the database driver."""
    try:
        yield
    except (SQLAlchemyError, UnicodeError) as error:
        raise StorageError(
            f"the database must answer; got {_describe(url, error)} from {mask_url(url)}; "
            "check DATABASE_URL, and that the server runs and can be reached from here"
        ) from None  # the original error may show the password


def _describe(url: str, error: Exception) -> str:
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    reason = " ".join(str(cause).split()) or type(cause).__name__
    password = make_url(url).password
    for secret in {password, unquote(password)} if password else set():
        reason = reason.replace(secret, "***")
    return mask_url(reason)
