"""A database that is away for a moment must not cost a trial, nor a worker."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from optuna.exceptions import StorageInternalError
from sqlalchemy.exc import InterfaceError, OperationalError

from search.log import say
from storage.database import Database, connect
from storage.errors import StorageError

Result = TypeVar("Result")

AWAY = (OperationalError, InterfaceError, StorageInternalError)
PATIENCE_S = 300.0


def patiently(call: Callable[[], Result], patience_s: float = PATIENCE_S) -> Result:
    """The call's result, asked for again with growing pauses while the database does not answer."""
    deadline, pause = time.monotonic() + patience_s, 0.2
    while True:
        try:
            return call()
        except AWAY:
            if time.monotonic() + pause > deadline:
                raise
        time.sleep(pause)
        pause = min(2 * pause, 10.0)


def connect_patiently(url: str, stop: threading.Event, patience_s: float = PATIENCE_S) -> Database:
    """Opens a database that has been seen before: one that does not answer is awaited.

    Raises StorageError, as `connect` does, when the patience is at its end or `stop` says so.
    """
    deadline, pause = time.monotonic() + patience_s, 0.2
    while True:
        try:
            return connect(url)
        except StorageError as error:
            if time.monotonic() + pause > deadline or stop.is_set():
                raise
            say("waits for the database", cause=str(error))
        stop.wait(pause)
        pause = min(2 * pause, 10.0)
