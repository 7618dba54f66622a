"""Contenders in processes of their own, which work in turns: one slice of a few seconds each, round after round.

So all of them meet the same noise of a shared machine, and none has another's threads or memory beside it. A contender
is `python -m benchmarks.speed.contender JOB`: it prints one line of JSON when it is warm, and one after each slice,
which it begins when it reads a line.
"""

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from benchmarks.draws import ONE_THREAD
from benchmarks.speed.marks import cpu_seconds


@dataclass(frozen=True)
class Job:
    """What a contender measures."""

    contender: str  # a name of `contender.CONTENDERS`
    row: str
    folder: Path  # of the data
    seconds: float  # of a slice of bare steps
    rounds: int
    threads: int
    steps: int = 0  # of a slice, once the bare steps have said how many that many seconds hold

    def to_json(self) -> str:
        """As the contender's argument."""
        return json.dumps(asdict(self), default=str)


@dataclass(frozen=True)
class Slice:
    """What a contender did in a turn."""

    amount: float  # images; of the matrix product operations
    seconds: float
    cpu_s: float  # of all its threads and processes

    def rate(self, by_cpu: bool = False) -> float:
        """Images a second, or a second of a core."""
        return self.amount / (self.cpu_s if by_cpu else self.seconds)


class Turns:
    """A contender's side: says a result, and waits for the next turn."""

    def __init__(self, orders: IO[str], answers: IO[str]) -> None:
        self._orders, self._answers = orders, answers

    def ready(self, **facts: Any) -> None:
        """The contender is warm. As all of these, raises SystemExit when there is no next turn."""
        self._say(facts)

    def done(self, amount: float) -> None:
        """A slice of so many images is done."""
        self._say(amount)

    def _say(self, answer: Any) -> None:
        self._answers.write(json.dumps(answer) + "\n")
        self._answers.flush()
        if not self._orders.readline():
            raise SystemExit(0)


class Contender:
    """The other side: a process that was started and is warm.

    Args:
        job: what it measures.
        python: its interpreter.
    """

    def __init__(self, job: Job, python: str = sys.executable) -> None:
        self.name = job.contender
        self._errors = job.folder / f"{job.contender}.log"
        command = [python, "-m", "benchmarks.speed.contender", job.to_json()]
        with self._errors.open("w") as errors:
            self._process = subprocess.Popen(
                command,
                env=environment(job),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self.facts: dict[str, Any] = self._read()

    def measure(self) -> Slice:
        """One slice."""
        assert self._process.stdin is not None
        cpu_s, began = cpu_seconds(self._process.pid), time.perf_counter()
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        amount = float(self._read())
        return Slice(amount, time.perf_counter() - began, cpu_seconds(self._process.pid) - cpu_s)

    def close(self) -> None:
        """Ends the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _read(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            sys.exit(f"{self.name} must give a result; it ended with {self._process.returncode}:\n{self._tail()}")
        return json.loads(line)

    def _tail(self) -> str:
        return "\n".join(self._errors.read_text().splitlines()[-15:])


def environment(job: Job) -> dict[str, str]:
    """A worker's environment on a CPU, with as many threads as cores; the report's way has what a notebook has."""
    threads = {name: str(job.threads) for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")}
    interop = {"TF_NUM_INTEROP_THREADS": "1" if job.threads == 1 else "2"}
    environ = os.environ | ONE_THREAD | threads | interop | {"NO_ALBUMENTATIONS_UPDATE": "1"}
    if job.contender == "report":
        del environ["TF_ENABLE_ONEDNN_OPTS"]
    return environ
