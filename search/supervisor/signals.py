"""SIGINT (Ctrl-C) and SIGTERM are counted, so that the supervisor can stop its workers before it ends."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class SignalCounter:
    """Counts SIGINT and SIGTERM; `status` is the exit status of the first, 0 before any."""

    def __init__(self) -> None:
        self.count = 0
        self.status = 0

    def __call__(self, number: int, _frame: object) -> None:
        """Called by Python for each signal."""
        self.count += 1
        self.status = self.status or 128 + number


@contextmanager
def count_signals() -> Iterator[SignalCounter]:
    """Inside the context SIGINT and SIGTERM are counted, and do not end the process."""
    counter, before = SignalCounter(), {}
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(ValueError):  # only the main thread may set handlers
            before[number] = signal.signal(number, counter)
    try:
        yield counter
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
