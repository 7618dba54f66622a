"""Engines: how many connections a process has, how long its transactions may stand still, and what they may hold."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import SQLAlchemyError

from storage.errors import StorageError
from storage.settings import SHAPE, describe_url, mask_url

CONNECT_S = 5
IDLE_S, LOCK_S = 15, 30  # less than a lease, so that a claim that had to wait is repeated before others take over
MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86400
WORKER_CONNECTIONS = 2  # for the training thread and the one that renews leases; a third thread would wait
COMMAND_CONNECTIONS = 4  # for a supervisor, and the dashboard, whose threads take turns
ISOLATION = "READ COMMITTED"  # after a lock, statements must see what its last holder wrote

CONNECT_ARGS = {
    "connect_timeout": CONNECT_S,  # otherwise a host that drops packets would delay a command for minutes
    "application_name": "unet-search",  # shown by pg_stat_activity
    "client_encoding": "utf8",  # whatever PGCLIENTENCODING says
    "keepalives": 1,  # against firewalls that drop connections that are idle during long epochs
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,  # milliseconds until a silent server counts as lost
}
# Otherwise each connection by TCP looks for Kerberos tickets first, in a library that has ended the process for some
# (psycopg/psycopg#1213); TLS is not changed by it. Who has Kerberos says so in the URL or in PGGSSENCMODE.
_NO_KERBEROS = {"gssencmode": "disable"}
# The same for the server, which otherwise keeps the connections of a host that has vanished for two hours.
_SET_KEEPALIVES = """
    set tcp_keepalives_idle = 30; set tcp_keepalives_interval = 10; set tcp_keepalives_count = 3;
    set tcp_user_timeout = 30000"""
# In every transaction, since pgbouncer refuses most settings of a connection, and shares sessions between clients.
# Without jit: to compile a statement over a large study takes longer than to run it.
_SET_LIMITS = """
    set local idle_in_transaction_session_timeout = '{}s'; set local lock_timeout = '{}s'; set local jit = off"""

_ENGINE_KWARGS: dict[str, Any] = {
    "pool_size": WORKER_CONNECTIONS,  # that are kept while they are idle
    "pool_pre_ping": True,  # replaces connections that the server or a firewall has dropped
    "pool_recycle": 1800,  # seconds; less than proxies usually allow
    "pool_use_lifo": True,  # one connection is used while one is enough
    "isolation_level": ISOLATION,
    "connect_args": CONNECT_ARGS,
}

_patience_s: ContextVar[int | None] = ContextVar("patience_s", default=None)


def make_engine(url: str, connections: int = COMMAND_CONNECTIONS) -> Engine:
    """An engine with our settings and at most so many connections. Raises StorageError for an invalid URL.

    A transaction whose process stands still for IDLE_S is ended by the server, since it may hold a lock that others
    wait for; who waits for a lock gets an OperationalError after LOCK_S.
    """
    try:
        parsed = make_url(url)
        if "gssencmode" not in parsed.query and "PGGSSENCMODE" not in os.environ:
            parsed = parsed.update_query_dict(_NO_KERBEROS)
        engine = create_engine(parsed, max_overflow=connections - WORKER_CONNECTIONS, **_ENGINE_KWARGS)
    except SQLAlchemyError as error:
        raise StorageError(
            f"DATABASE_URL must be a PostgreSQL URL; got {describe_url(url)}: {mask_url(str(error))}; give {SHAPE}"
        ) from None
    event.listen(engine, "connect", _set_keepalives)
    event.listen(engine, "begin", _set_limits)
    event.listen(engine, "handle_error", _refuse_text)
    return engine


def needed_connections(workers: int) -> int:
    """How many connections so many workers of a host and their supervisor take at most."""
    return workers * WORKER_CONNECTIONS + COMMAND_CONNECTIONS


def embedded_connections(workers: int) -> int:
    """How many connections an embedded server has, which so many workers and their supervisor use."""
    return 2 * needed_connections(workers)  # and as many for other commands


@contextmanager
def patience(seconds: int) -> Iterator[None]:
    """Transactions of this thread that begin inside may stand still for so long, and wait for a lock twice as long."""
    token = _patience_s.set(seconds)
    try:
        yield
    finally:
        _patience_s.reset(token)


def _set_keepalives(connection: Any, _record: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_SET_KEEPALIVES)
    connection.commit()


def _set_limits(connection: Connection) -> None:
    patience_s = _patience_s.get()
    limits = (IDLE_S, LOCK_S) if patience_s is None else (patience_s, 2 * patience_s)
    connection.exec_driver_sql(_SET_LIMITS.format(*limits))


def _refuse_text(context: ExceptionContext) -> None:
    """Raises StorageError for a name or other text that no PostgreSQL can hold."""
    error = context.original_exception
    if isinstance(error, UnicodeEncodeError) or (isinstance(error, ValueError) and "NUL" in str(error)):
        raise unwritable_text(str(error)) from None


def unwritable_text(reason: str) -> StorageError:
    """The error of a name or other text that no PostgreSQL can hold."""
    return StorageError(
        "text in the database must be Unicode without zero bytes; got some that is not, such as a name or a path in "
        f"another encoding ({reason}); rename it"
    )
