"""The measuring side of the processes: groups of them that train at the same time, as the workers of a search would."""

import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Pipe
from tempfile import TemporaryFile
from time import monotonic
from typing import Any

from search.supervisor.devices import DeviceSlot
from search.supervisor.python import module_command, module_path
from search.tuning.job import Job, Ready, Refused, Slice
from trainer.errors import InputError

SLICE_LIMIT_S = 60.0  # beyond its seconds, of which a slice may be late by a step


class TooSlow(Exception):
    """No answer came in time."""


@dataclass(frozen=True)
class Sample:
    """What a group did in a slice."""

    images_per_second: float  # of all its processes together
    memory_bytes: int  # of the largest of them


class Group:
    """Processes that do the same job at the same time, one in each of some device slots.

    Use it as a context, at whose end the processes are killed.
    """

    def __init__(self, job: Job, slots: Sequence[DeviceSlot]) -> None:
        self._processes: list[_Process] = []
        try:
            for slot in slots:
                self._processes.append(_Process(job, slot))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "Group":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def wait_ready(self, deadline: float) -> Ready:
        """Waits until all are warm; returns what the slowest one said.

        Raises:
            TooSlow: they are not by the deadline, a moment of the monotonic clock.
            InputError: one of them refused its job, or died.
        """
        answers: list[Ready] = [process.receive(deadline) for process in self._processes]
        return max(answers, key=lambda ready: ready.first_step_s)

    def measure(self, seconds: float, most: int | None = None) -> Sample:
        """A slice of the first `most` processes, all by default. Raises TooSlow, InputError as `wait_ready`."""
        chosen = self._processes[:most]
        for process in chosen:
            process.send(seconds)
        deadline = monotonic() + seconds + SLICE_LIMIT_S
        slices: list[Slice] = [process.receive(deadline) for process in chosen]
        for process in chosen:
            process.send(None)
        rate = sum(slice.images / slice.seconds for slice in slices)
        return Sample(rate, max(slice.memory_bytes for slice in slices))

    def close(self) -> None:
        """Kills the processes."""
        while self._processes:
            self._processes.pop().kill()


class _Process:
    """One process, with the environment that a worker in its slot has."""

    def __init__(self, job: Job, slot: DeviceSlot) -> None:
        # Whether kernels are deterministic is for a study to decide, not for the shell.
        inherited = {name: value for name, value in os.environ.items() if name != "TF_DETERMINISTIC_OPS"}
        self._connection, theirs = Pipe()
        self._errors = TemporaryFile()
        with theirs:
            self._process = subprocess.Popen(
                module_command("search.tuning.contender", str(theirs.fileno())),
                env={**inherited, **slot.env, "PYTHONPATH": module_path()},
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                start_new_session=True,  # Ctrl-C is for the command, which ends its processes
            )
        self.send(job)

    def send(self, message: Job | float | None) -> None:
        """Gives the job, or an order."""
        with suppress(OSError):  # it has died, which is seen when its answer is read
            self._connection.send(message)

    def receive(self, deadline: float) -> Any:
        """The next answer. Raises TooSlow, InputError."""
        if not self._connection.poll(max(0.0, deadline - monotonic())):
            raise TooSlow
        try:
            answer = self._connection.recv()
        except (EOFError, OSError):
            raise InputError(self._describe_death()) from None
        if isinstance(answer, Refused):
            raise InputError(answer.cause)
        return answer

    def kill(self) -> None:
        """Ends the process, and those that it started."""
        self._connection.close()
        if self._process.returncode is None:  # else its number may be another's by now
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._errors.close()

    def _describe_death(self) -> str:
        status = self._process.wait()
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        return f"a process that trains must live; got exit status {status}: {lines[-1] if lines else 'no word'}"
