"""A worker process as its supervisor sees it: started, watched, ended."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from uuid import UUID, uuid4

from search.devices import Slot
from search.order import Order, arguments

LAST_LINE_BYTES = 4096
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
SETTLED_S = 60.0  # a worker that lived so long starts the row of pauses anew


@dataclass
class Child:
    """One slot's process and what became of it."""

    slot: Slot
    order: Order
    log: Path
    process: "subprocess.Popen[bytes] | None" = None
    started: float = 0.0  # on the monotonic clock, like start_at
    start_at: float = 0.0
    deaths: int = 0  # in a row
    status: int | None = None  # exit status with which the slot is finished
    unreleased: list[UUID] = field(default_factory=list)  # owners that died; their leases are still to be released

    def start(self, environ: Mapping[str, str]) -> None:
        """Starts the process under a new owner; it ends when our end of its standard input closes."""
        self.order = Order(**{**vars(self.order), "owner": uuid4()})
        self.started = monotonic()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "search.worker", *arguments(self.order)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env={**_without_switches(environ), **self.slot.env},
                start_new_session=True,  # Ctrl-C is for the supervisor, which says what becomes of its workers
            )

    def poll(self) -> int | None:
        """The exit status of a process that has just ended; its lease is then to be released."""
        if self.process is None or (status := self.process.poll()) is None:
            return None
        self._forget()
        return status

    def restart_later(self) -> None:
        """Sets the time of the next start: the more deaths in a row, the later."""
        self.deaths = 1 if monotonic() - self.started > SETTLED_S else self.deaths + 1
        self.start_at = monotonic() + min(FIRST_PAUSE_S * 2 ** (self.deaths - 1), LONGEST_PAUSE_S)

    def terminate(self) -> None:
        """Asks the process to hand its trial on."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Ends the process and all that it started, and waits for it."""
        if self.process is None:
            return
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            self.process.kill()
        self.process.wait()
        self._forget()

    def last_line(self) -> str:
        """The last line that the process wrote."""
        try:
            text = self.log.read_bytes()[-LAST_LINE_BYTES:].decode("utf-8", "replace")
        except OSError:
            return ""
        return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")

    def _forget(self) -> None:
        assert self.process is not None and self.process.stdin is not None
        self.process.stdin.close()
        self.process = None
        self.unreleased.append(self.order.owner)


def _without_switches(environ: Mapping[str, str]) -> dict[str, str]:
    # Determinism is the study's to decide, not the shell's.
    return {key: value for key, value in environ.items() if key != "TF_DETERMINISTIC_OPS"}
