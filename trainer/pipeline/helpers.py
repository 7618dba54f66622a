"""Batches from helper processes: where one GPU outruns what the threads of one Python process can prepare."""

import atexit
import os
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from functools import cache
from multiprocessing.connection import Pipe
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np

from trainer.data.threads import count_threads
from trainer.pipeline.batches import Batch, Batches
from trainer.pipeline.helper import Answer, Task, Work

IN_HAND = 2  # batches that a helper has to prepare, so that it need not wait for the next one to be asked
MOST_DEATHS = 3  # of a helper in one epoch
HOME = Path(__file__).resolve().parents[2]


@cache
def shared_helpers(count: int) -> "Helpers":
    """The helpers of this process, which all its trainings use."""
    helpers = Helpers(count)
    atexit.register(helpers.close)
    return helpers


def count_helpers(gpu: bool) -> int:
    """How many processes prepare batches: none on a CPU, where training itself has all cores.

    On a GPU one for each core of this process's share, but one for the training.
    """
    return max(1, count_threads() - 1) if gpu else 0


class Helpers:
    """So many helper processes. They start with the first epoch, and end with this process if they are not closed."""

    def __init__(self, count: int) -> None:
        self._helpers = [_Helper() for _ in range(count)]

    def epoch(self, batches: Batches, epoch: int) -> Iterator[Batch]:
        """What `batches.epoch(epoch)` gives, each helper in turn preparing one batch."""
        steps = range(batches.start(epoch), batches.start(epoch + 1))
        for helper in self._helpers:
            helper.begin(batches)
        ahead = IN_HAND * len(self._helpers)
        for at, step in enumerate(steps[:ahead]):
            self._helpers[at % len(self._helpers)].ask(step)
        for at, step in enumerate(steps):
            helper = self._helpers[at % len(self._helpers)]
            yield helper.get()
            if step + ahead < steps.stop:
                helper.ask(step + ahead)

    def close(self) -> None:
        """Ends the processes; a later epoch starts them again."""
        for helper in self._helpers:
            helper.close()


class _Helper:
    """One helper, as the process sees it that it works for. A dead one is started again and asked again."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._batches: Batches | None = None
        self._tasks: deque[Task] = deque()  # not yet got
        self._asked = self._deaths = 0

    def begin(self, batches: Batches) -> None:
        """Gives the batches that it will be asked for; drops what an interrupted epoch has left."""
        self._deaths = 0
        if self._process is None:
            self._start()
        while self._tasks:
            self._answer()
        if batches is not self._batches:
            self._batches = batches
            self._send((batches.config, batches.dataset))

    def ask(self, step: int) -> None:
        """Has the batch of a step prepared."""
        assert self._batches is not None
        place = self._asked % IN_HAND * self._batches.bytes
        self._asked += 1
        self._tasks.append((place, step))
        self._send((place, step))

    def get(self) -> Batch:
        """The batch of the first step that it was asked for. Raises what its preparation raised."""
        answer, place = self._answer()
        if isinstance(answer, Exception):
            raise answer
        images, masks = (np.empty(shape, dtype) for dtype, shape in answer)
        os.preadv(self._file.fileno(), [images.data, masks.data], place)
        return images, masks

    def close(self) -> int | None:
        """Ends the process, if there is one; returns its exit status."""
        if self._process is None:
            return None
        self._connection.close()
        self._file.close()
        status = self._process.wait()
        self._process = self._batches = None
        self._tasks.clear()
        return status

    def _answer(self) -> tuple[Answer, int]:
        while True:
            try:
                answer: Answer = self._connection.recv()
                return answer, self._tasks.popleft()[0]
            except (EOFError, OSError):
                self._start_again()

    def _send(self, message: Work | Task) -> None:
        try:
            self._connection.send(message)
        except OSError:
            pass  # it has died, which is seen when its answer is read

    def _start(self) -> None:
        self._file = TemporaryFile() if sys.platform != "linux" else os.fdopen(os.memfd_create("batches"), "wb")
        self._connection, theirs = Pipe()
        with theirs:
            inherited = (theirs.fileno(), self._file.fileno())
            packages = [str(HOME), *filter(None, [os.environ.get("PYTHONPATH")])]  # an empty one is the current folder
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "trainer.pipeline.helper", *map(str, inherited)],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(packages)},
                pass_fds=inherited,
                stdin=subprocess.DEVNULL,
            )

    def _start_again(self) -> None:
        batches, tasks = self._batches, list(self._tasks)
        status, self._deaths = self.close(), self._deaths + 1
        if self._deaths > MOST_DEATHS:
            raise RuntimeError(f"a process that prepares batches must live; got exit status {status} time and again")
        assert batches is not None
        self._start()
        self._batches = batches
        self._tasks.extend(tasks)
        self._send((batches.config, batches.dataset))
        for task in tasks:
            self._send(task)
