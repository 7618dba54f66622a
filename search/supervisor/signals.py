"""SIGINT (Ctrl-C), SIGTERM and SIGHUP (the terminal is closed) are counted, so that the supervisor stops its workers.

One that was ignored when the command was started, such as SIGHUP by `nohup`, stays ignored.
"""

import os
import signal
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
OUTPUT = (1, 2)  # file descriptors of standard output and error


class SignalCounter:
    """Counts signals; `status` is the exit status of the first, 0 before any."""

    def __init__(self) -> None:
        self.count = 0
        self.status = 0

    def __call__(self, number: int, _frame: object) -> None:
        """Called by Python for each signal."""
        leave_closed_terminal()
        self.count += 1
        self.status = self.status or 128 + number


@contextmanager
def count_signals() -> Iterator[SignalCounter]:
    """Inside the context the signals are counted, and do not end the process."""
    counter, before = SignalCounter(), {}
    for number in heeded(ENDING):
        with suppress(ValueError):  # only the main thread may set handlers
            before[number] = signal.signal(number, counter)
    try:
        yield counter
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def heeded(numbers: Iterable[signal.Signals]) -> list[signal.Signals]:
    """Those of the signals that are not ignored."""
    return [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]


def signal_name(status: int) -> str | None:
    """The name of the signal that ended a command with this exit status; None for another status."""
    try:
        return signal.Signals(status - 128).name
    except ValueError:
        return None


def leave_closed_terminal() -> None:
    """Has what is written to a terminal that was closed go nowhere, instead of failing."""
    for number in OUTPUT:
        with suppress(OSError):
            if stat.S_ISCHR(os.fstat(number).st_mode) and not os.isatty(number):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, number)
                os.close(nowhere)
