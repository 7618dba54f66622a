"""Ctrl-C and SIGTERM as the supervisor takes them: counted, and obeyed between two steps."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Signals:
    """How often SIGINT or SIGTERM came, and which was the first."""

    def __init__(self) -> None:
        self.times = 0
        self.status = 0

    def __call__(self, number: int, _frame: object) -> None:
        self.times += 1
        self.status = self.status or 128 + number


@contextmanager
def counting_signals() -> Iterator[Signals]:
    """Counts SIGINT and SIGTERM instead of being ended by them."""
    signals, before = Signals(), {}
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(ValueError):  # outside the main thread there are no handlers
            before[number] = signal.signal(number, signals)
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
