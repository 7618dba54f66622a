"""Faults between a worker and its database, for both sides the same.

Once an epoch has begun, the first process that finds no file HARM_STOP makes it, and stops itself while it holds the
study's lock. With HARM_LOSE every third reply to the commit of a new trial is lost.
"""

import os
import signal
from itertools import count
from pathlib import Path
from typing import Any

import psycopg2
from sqlalchemy import Engine, event
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2

LOSE_EACH = 3
LOCKS = (("pg_advisory_xact_lock",), ("FROM studies", "FOR UPDATE"))  # of ours, and of Optuna's create_new_trial


def harm_connections() -> None:
    """Makes all connections of this process fail as the environment says."""
    stop, lose = os.environ.get("HARM_STOP"), os.environ.get("HARM_LOSE")
    if stop is not None:
        event.listen(Engine, "after_cursor_execute", lambda *arguments: _stop_once(Path(stop), arguments[2]))
    if lose is not None:
        _lose_replies()


def _stop_once(flag: Path, statement: str) -> None:
    is_lock = any(all(part in statement for part in lock) for lock in LOCKS)
    if is_lock and Path(os.environ["PRETEND_LOG"]).exists():
        try:
            flag.touch(exist_ok=False)
        except FileExistsError:
            return
        flag.write_text(str(os.getpid()))
        os.kill(os.getpid(), signal.SIGSTOP)


def _lose_replies() -> None:
    """The connection breaks between the commit and its reply."""
    commit: Any = PGDialect_psycopg2.do_commit
    made, new = count(1), set[int]()

    def see(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("INSERT INTO trials "):
            new.add(id(connection.connection.dbapi_connection))

    def commit_and_break(dialect: Any, connection: Any) -> None:
        commit(dialect, connection)
        key = id(getattr(connection, "dbapi_connection", connection))
        if key in new:
            new.remove(key)
            if next(made) % LOSE_EACH == 0:
                connection.close()
                raise psycopg2.OperationalError("server closed the connection unexpectedly")

    event.listen(Engine, "after_cursor_execute", see)
    setattr(PGDialect_psycopg2, "do_commit", commit_and_break)  # noqa: B010 - types do not allow it
