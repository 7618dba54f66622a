"""The side of the measured process: it times slices of its training when it is told to, and rests in between."""

import time
from multiprocessing.connection import Connection

import psutil

from search.tuning.job import Ready, Slice

WARM_STEPS = 2  # the first one is traced and compiled


class Turns:
    """The `should_stop` of a training, which is asked before each step.

    After its slice the process trains on until it is told to rest: so the others that are measured at the same time
    never have the machine for themselves.

    Args:
        connection: to the process that measures; once that has gone, training stops.
        batch: images of a step.
        steps: of the whole training, to be passed on.
        every: after each so many steps, the device has done all of them.
    """

    def __init__(self, connection: Connection, batch: int, steps: int, every: int) -> None:
        self._connection, self._batch, self._steps, self._every = connection, batch, steps, every
        self._asked = 0  # how often, which is the number of steps that are done
        self._moments: list[float] = []  # before and after the first step
        self._slice_s: float | None = None  # of the slice that is timed
        self._began, self._begun_at = 0.0, 0  # its moment and step

    def __call__(self) -> bool:
        """Whether to stop before the next step."""
        done, now = self._asked, time.perf_counter()
        self._asked += 1
        if done < WARM_STEPS:
            self._moments.append(now)
        if done < WARM_STEPS or done % self._every:
            return False
        try:
            self._turn(done, now)
        except (EOFError, OSError):
            return True
        return False

    def _turn(self, done: int, now: float) -> None:
        if self._begun_at == 0:
            start, first = self._moments
            self._connection.send(Ready(self._batch, self._steps, first - start, (now - first) / (done - 1)))
            self._rest(done)
        elif self._slice_s is not None and now - self._began >= self._slice_s:
            images = (done - self._begun_at) * self._batch
            memory = int(psutil.Process().memory_info().rss)
            self._connection.send(Slice(images, now - self._began, memory))
            self._slice_s = None
        if self._slice_s is None and self._connection.poll():
            self._connection.recv()
            self._rest(done)

    def _rest(self, done: int) -> None:
        """Waits for the order of the next slice."""
        self._slice_s = float(self._connection.recv())
        self._began, self._begun_at = time.perf_counter(), done
