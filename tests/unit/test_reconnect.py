"""Calls are repeated while the database is unreachable, and only then."""

import threading
import time

import pytest
from sqlalchemy.exc import OperationalError, ProgrammingError

from search.reconnect import connect_waiting, waits_for_database
from storage.errors import StorageError

NOBODY = "postgresql://nobody@127.0.0.1:9/none"


def test_a_call_is_repeated_until_the_database_answers() -> None:
    errors = [OperationalError("select 1", {}, OSError("gone"))] * 2

    @waits_for_database
    def ask(number: int) -> int:
        if errors:
            raise errors.pop()
        return number

    assert ask(7) == 7 and not errors


def test_another_error_is_raised_at_once() -> None:
    calls = []

    @waits_for_database
    def ask() -> None:
        calls.append(1)
        raise ProgrammingError("selct 1", {}, OSError("no such statement"))

    with pytest.raises(ProgrammingError):
        ask()
    assert len(calls) == 1


def test_a_worker_that_is_told_to_stop_waits_no_longer() -> None:
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    begun = time.monotonic()
    with pytest.raises(StorageError, match="the database must answer"):
        connect_waiting(NOBODY, stop)
    assert time.monotonic() - begun < 60  # of 300
