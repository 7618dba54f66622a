"""Retries while the database is unreachable, with growing pauses."""

import threading

import tenacity
from optuna.exceptions import StorageInternalError
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError, TimeoutError

from search.log import log_event
from storage.database.connection import Database, connect
from storage.database.engine import WORKER_CONNECTIONS
from storage.errors import StorageError

# What SQLAlchemy and Optuna raise while the database is unreachable; InternalError where it has ended the session,
# TimeoutError where the process's other threads have all connections.
UNREACHABLE = (OperationalError, InterfaceError, InternalError, TimeoutError, StorageInternalError)
WAIT_S = 300.0  # in all; then the last error is raised
PAUSES = tenacity.wait_exponential(multiplier=0.2, max=10.0)  # seconds

# A decorator that repeats a call while the database is unreachable. The call must have the same effect when it is
# repeated, since the reply to a commit may be lost.
waits_for_database = tenacity.retry(
    retry=tenacity.retry_if_exception_type(UNREACHABLE),
    stop=tenacity.stop_before_delay(WAIT_S),
    wait=PAUSES,
    reraise=True,
)


def connect_waiting(url: str, stop: threading.Event, wait_s: float = WAIT_S) -> Database:
    """Opens a worker's database, which was reachable before, and waits for it where it does not answer now.

    Raises StorageError, as `connect` does, after `wait_s` seconds or when `stop` is set.
    """
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(StorageError),
        stop=tenacity.stop_any(tenacity.stop_before_delay(wait_s), tenacity.stop_when_event_set(stop)),
        sleep=tenacity.sleep_using_event(stop),
        before_sleep=_log_waiting,
        wait=PAUSES,
        reraise=True,
    )
    return retrying(connect, url, WORKER_CONNECTIONS)


def _log_waiting(state: tenacity.RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    log_event("waits for the database", cause=str(error))
