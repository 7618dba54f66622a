"""A database that is away for a moment must not cost a trial."""

import time
from collections.abc import Callable
from typing import TypeVar

from optuna.exceptions import StorageInternalError
from sqlalchemy.exc import InterfaceError, OperationalError

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
