"""Connections to a PostgreSQL database with Optuna's tables and ours.

Optuna's storage takes a second to import, so it is imported only where it is used: `status` needs SQL alone.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError, SQLAlchemyError, TimeoutError

from storage.database.engine import (
    COMMAND_CONNECTIONS,
    MINUTE_S,
    embedded_connections,
    make_engine,
    patience,
    unwritable_text,
)
from storage.database.schema import SCHEMA, check_encoding, check_version, create_own_tables, has_tables, lock
from storage.embedded.server import embedded_server, has_server
from storage.errors import StorageError
from storage.settings import Settings, describe_url, mask_url, normalise_url

if TYPE_CHECKING:
    from optuna.storages import BaseStorage, RDBStorage

LOSSES = (OperationalError, InterfaceError, InternalError, TimeoutError)  # what SQLAlchemy raises without the database
MISSING_RIGHT = "42501"
BAD_ESCAPE = ("22P05", "22P02")  # \u0000, or half a pair, in JSON
HELD_UP = ("55P03", "25P03", "40P01")  # a lock that others hold, a transaction that stood still, a deadlock


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
        return describe_url(self.url)

    @cached_property
    def storage(self) -> "BaseStorage":
        """Optuna's storage, with its cache and without heartbeats, on the same pool of connections as our own SQL.

        Its first use takes about a second.
        """
        from storage.database.optuna_storage import SharedStorage, StudyCache

        return StudyCache(SharedStorage(self.url, self.engine))

    def close(self) -> None:
        """Closes all idle connections; a later use opens new ones."""
        self.engine.dispose()


def create_tables(url: str) -> None:
    """Creates Optuna's tables and ours where they are missing; any number of processes may do so at once."""
    from storage.database.optuna_storage import SharedStorage

    url = normalise_url(url)
    engine = make_engine(url)
    try:
        with translate_errors(url), patience(MINUTE_S), engine.begin() as connection:
            check_encoding(connection)
            lock(connection, SCHEMA)
            SharedStorage(url, engine, create=True)
            create_own_tables(connection)
    finally:
        engine.dispose()


def connect(url: str, connections: int = COMMAND_CONNECTIONS) -> Database:
    """Opens a database with tables, for at most so many connections.

    Raises StorageError where there are none, or after some seconds without a reply.
    """
    url = normalise_url(url)
    engine = make_engine(url, connections)
    try:
        with translate_errors(url), engine.connect() as connection:
            check_encoding(connection)
            if not has_tables(connection):
                raise StorageError(
                    f"the database must hold the tables of unet-search; got none in {describe_url(url)}; "
                    "run `unet-search init`"
                )
            check_version(connection)
    except StorageError:
        engine.dispose()
        raise
    return Database(url, engine)


@contextmanager
def open_database(settings: Settings, create: bool = False, workers: int = 0) -> Iterator[Database]:
    """Yields the database of DATABASE_URL, or that of the embedded server in the run's folder.

    Inside the context, errors that tell of an unreachable database become a StorageError.

    Args:
        settings: where the database is.
        create: makes missing tables, and the embedded server's data; otherwise they are a StorageError.
        workers: how many are to be started on this host, for whom an embedded server has connections.
    """
    with find_database(settings, create, workers) as url:
        if create:
            create_tables(url)
        database = connect(url)
        try:
            with _translate_loss(url):
                yield database
        finally:
            database.close()


@contextmanager
def find_database(settings: Settings, create: bool, workers: int = 0) -> Iterator[str]:
    """Yields the URL of the database while its server runs; `create` makes missing data of an embedded server."""
    if settings.database_url is not None:
        yield settings.database_url
        return
    if not create and not has_server(settings.dir):
        raise StorageError(
            f"the run's folder must hold a study; got none in {settings.dir}; "
            "start one with `unet-search run`, name its folder with --dir, or its server with DATABASE_URL"
        )
    with embedded_server(settings.dir, embedded_connections(workers)) as url:
        yield url


@contextmanager
def joined_transaction(db: Database) -> Iterator[Connection]:
    """A transaction of which everything is part that Optuna's storage reads or writes in this thread.

    Optuna opens a session for every call. Inside the context, this thread's session uses the transaction's connection,
    and Optuna's commits end savepoints.
    """
    from sqlalchemy.orm import Session  # slow to import, as Optuna's storage is

    backend: RDBStorage = getattr(db.storage, "_backend")  # noqa: B009 - BaseStorage has no such attribute
    with db.engine.begin() as connection:
        backend.scoped_session.registry.set(Session(connection, join_transaction_mode="create_savepoint"))
        try:
            yield connection
        finally:
            backend.scoped_session.remove()


@contextmanager
def translate_errors(url: str) -> Iterator[None]:
    """Raises StorageError, one line without the password, for errors of the database driver."""
    try:
        yield
    except (SQLAlchemyError, UnicodeError) as error:
        raise _failure(url, error) from None  # the original error may show the password


@contextmanager
def _translate_loss(url: str) -> Iterator[None]:
    """The same for those errors alone that tell of the database and not of a defect, Optuna's around them included."""
    try:
        yield
    except Exception as error:
        cause = error if isinstance(error, SQLAlchemyError) else error.__cause__
        if isinstance(cause, LOSSES) or _code(cause) in (MISSING_RIGHT, *BAD_ESCAPE):
            raise _failure(url, cause) from None
        raise


def _failure(url: str, error: BaseException | None) -> StorageError:
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    reason = mask_url(" ".join(str(cause).split())) or type(cause).__name__
    where = describe_url(url)
    if _code(error) in BAD_ESCAPE:
        return unwritable_text(reason)
    if _code(error) == MISSING_RIGHT:
        return StorageError(
            f"the database's user must have the right to do this; got {reason} from {where}; grant it, as with "
            "`grant create on schema public to USER`, or make the user the database's owner"
        )
    if _code(error) in HELD_UP:
        return StorageError(
            f"another process must not hold up the database for long; got {reason} from {where}; try again"
        )
    return StorageError(
        f"the database must answer; got {reason} from {where}; "
        "check DATABASE_URL, and that the server runs and can be reached from here"
    )


def _code(error: BaseException | None) -> str | None:
    """PostgreSQL's code of an error."""
    return getattr(getattr(error, "orig", None), "pgcode", None)
