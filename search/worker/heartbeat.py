"""Heartbeat and watchdog: a worker whose batches no longer end is killed, and its trial handed on.

After every batch the worker's training thread tells the supervisor how long the next one may take, through the socket
that is its standard input. A thread that hangs, even inside a C call, says nothing, whatever other threads do.
"""

import math
import os
import socket
from collections import deque
from contextlib import suppress
from statistics import median
from time import monotonic

QUIET_S = 600.0  # between two batches, where they are short; the first one compiles for minutes
BATCHES = 20  # median batch times, where that is longer
REMEMBERED = 101  # batches that the median is taken of
LOOK_S = 10.0  # what a pause between two looks counts at most: a longer one is the machine's, such as a suspension
STDIN = 0
HEARD_BYTES = 65536
RESTING = b"inf"  # the message of a worker without a trial
BEFORE_WORK = 2  # messages of a trial: it begins, and asks whether to begin its first batch


class Heartbeat:
    """The worker's side. Between two trials a worker may be silent for as long as it wants.

    Args:
        standard_input: the worker's; None when nobody watches.
    """

    def __init__(self, standard_input: socket.socket | None) -> None:
        self._socket = standard_input
        self._batch_s: deque[float] = deque(maxlen=REMEMBERED)
        self._last: float | None = None

    def ready(self) -> None:
        """The worker has started well."""
        self.rest()

    def begin(self) -> None:
        """A trial begins."""
        self._batch_s.clear()
        self._last = None
        self._tell(QUIET_S)

    def batch(self) -> None:
        """A batch of training or validation, or a step as long as one, is done."""
        now = monotonic()
        if self._last is not None:
            self._batch_s.append(now - self._last)
        self._last = now
        self._tell(max(QUIET_S, BATCHES * median(self._batch_s)) if self._batch_s else QUIET_S)

    def rest(self) -> None:
        """No trial is under way."""
        self._tell(math.inf)

    def _tell(self, allowed_s: float) -> None:
        with suppress(OSError):  # a supervisor that is gone, or stopped for so long that its end is full
            if self._socket is not None:
                self._socket.send(f"{allowed_s:.3f}\n".encode(), socket.MSG_DONTWAIT)


class Watchdog:
    """The supervisor's side, for one worker process. Silence is counted between looks, without suspensions.

    Args:
        other_end: of the socket that is the worker's standard input.
    """

    def __init__(self, other_end: socket.socket) -> None:
        self._socket = other_end
        self._socket.setblocking(False)
        self._looked = monotonic()
        self._messages = 0  # of trials
        self.is_ready = False  # whether the worker has started well
        self.silent_s = 0.0
        self.allowed_s = math.inf  # until the first trial begins

    def is_hung(self) -> bool:
        """Whether the worker has been silent for longer than it announced; to be asked several times a second."""
        now = monotonic()  # stands still, on Linux, while the machine is suspended
        self.silent_s += min(now - self._looked, LOOK_S)
        self._looked = now
        if (heard := self._hear()) is not None:
            self.allowed_s, self.silent_s = heard, 0.0
        return self.silent_s > self.allowed_s

    def has_worked(self) -> bool:
        """Whether the worker has done a batch."""
        self._hear()
        return self._messages > BEFORE_WORK

    def stand_down(self) -> None:
        """Stops reporting a hang: the worker is being killed."""
        self.allowed_s, self.silent_s = math.inf, 0.0

    def hang_up(self) -> None:
        """Ends the worker's standard input, which tells it to stop; what it says is still heard."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Closes the worker's standard input, which ends it."""
        self._socket.close()

    def _hear(self) -> float | None:
        """The last message since the last look, in seconds; None without one."""
        heard = b""
        with suppress(OSError):  # nothing more is there
            while chunk := self._socket.recv(HEARD_BYTES):
                heard += chunk
        words = heard.split()
        self.is_ready = self.is_ready or bool(words)
        self._messages += len(words) - words.count(RESTING)
        return float(words[-1]) if words else None


def standard_input() -> socket.socket | None:
    """The worker's end of the socket; open beside the standard input itself."""
    try:
        return socket.socket(fileno=os.dup(STDIN))
    except OSError:  # started by hand, not by a supervisor
        return None
