"""Reads cases in a child process, so that a hang or a crash is an outcome too."""

import json
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO

from benchmarks.fuzz.case import Case

ROOT = Path(__file__).resolve().parents[2]
START_S = 300.0  # Keras is imported
CASE_S = {"model": 60.0}  # the longest time that a case of this kind may take
DEFAULT_CASE_S = 20.0
CASES = {"model": 150}  # after so many cases the process is replaced, since Keras does not release its memory
DEFAULT_CASES = 2000


class Reader:
    """A process that reads cases of one kind, and is restarted when it ends."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.cases_left = 0  # until the process is replaced
        self.process: subprocess.Popen[str] | None = None

    def try_case(self, case: Case) -> str:
        """The case's outcome."""
        if self.process is None or not self.cases_left:
            self.start()
        assert self.process is not None
        self.cases_left -= 1
        print(json.dumps([case.kind, case.seed]), file=self._stdin(), flush=True)
        answer = self._answer(CASE_S.get(self.kind, DEFAULT_CASE_S))
        if answer:
            return str(json.loads(answer))
        if answer is None:
            self.end()
            return "hang"
        return self._crash()

    def start(self) -> None:
        """Starts a new process, and waits until it is ready."""
        self.end()
        command = [sys.executable, "-m", "benchmarks.fuzz.child", self.kind]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True)
        self.cases_left = CASES.get(self.kind, DEFAULT_CASES)
        if not self._answer(START_S):
            raise RuntimeError(f"a child must start; got none; run {' '.join(command)}")

    def end(self) -> None:
        """Ends the process, if there is one."""
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None

    def _stdin(self) -> IO[str]:
        assert self.process is not None and self.process.stdin is not None
        return self.process.stdin

    def _answer(self, within_s: float) -> str | None:
        """The next line; None where there is none in time, and an empty text where the process has ended."""
        assert self.process is not None and self.process.stdout is not None
        readable, _, _ = select.select([self.process.stdout], [], [], within_s)
        return self.process.stdout.readline() if readable else None

    def _crash(self) -> str:
        """The outcome of a process that ended by itself."""
        assert self.process is not None
        status = self.process.wait()
        self.process = None
        return f"crash: {signal.Signals(-status).name if status < 0 else f'status {status}'}"
