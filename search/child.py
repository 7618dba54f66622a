"""A worker process as its supervisor sees it: started, watched, ended."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from uuid import UUID, uuid4

from search.devices import Slot
from search.log import append_line, read_cause
from search.order import Order, arguments
from search.watchdog import Watchdog

LAST_LINE_BYTES = 4096
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
KILLED_S = 2.0  # until a process that was killed counts as ended: one in a broken driver never is
SETTLED_S = 60.0  # a worker that lived for so long has settled


@dataclass
class Child:
    """One slot's process and what became of it."""

    slot: Slot
    order: Order
    log: Path
    process: "subprocess.Popen[bytes] | None" = None
    watchdog: Watchdog | None = None  # of the process
    started: float = 0.0  # on the monotonic clock, like start_at
    start_at: float = 0.0
    worked: bool = False  # whether the last process did a batch before it ended
    deaths: int = 0  # in a row
    status: int | None = None  # exit status with which the slot is finished
    unreleased: list[UUID] = field(default_factory=list)  # owners that died; their leases are still to be released

    def start(self, environ: Mapping[str, str]) -> None:
        """Starts the process under a new owner; it ends when our end of its standard input closes."""
        self.order = Order(**{**vars(self.order), "owner": uuid4()})
        self.started = monotonic()
        ours, theirs = socket.socketpair()
        self.watchdog = Watchdog(ours)
        with self.log.open("ab") as log, theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "search.worker", *arguments(self.order)],
                stdin=theirs.fileno(),
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

    def kill_if_hung(self) -> None:
        """Kills a process whose training stands still; `poll` then tells that it has ended."""
        if self.process is None or self.watchdog is None or not self.watchdog.is_hung():
            return
        self.note("is killed", f"no batch for {self.watchdog.silent_s:.0f} s; its trial is handed on")
        self.watchdog.stand_down()
        self._send_kill()

    def note(self, event: str, cause: str | None = None) -> None:
        """Adds a line to the process's log."""
        with suppress(OSError):  # a full disk
            append_line(self.log, self.order.worker, event, cause)

    def restart_later(self) -> None:
        """Sets the time of the next start: the more deaths in a row, the later.

        One that worked or lived for long starts the row anew: what kills it is its trial's fault or comes from outside.
        """
        self.deaths = 1 if self.worked or monotonic() - self.started > SETTLED_S else self.deaths + 1
        self.start_at = monotonic() + min(FIRST_PAUSE_S * 2 ** (self.deaths - 1), LONGEST_PAUSE_S)

    def terminate(self) -> None:
        """Asks the process to hand its trial on."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Ends the process and all that it started, and waits for it."""
        if self.process is None:
            return
        self._send_kill()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(KILLED_S)
        self._forget()

    def last_line(self) -> str:
        """What the last line of the log says."""
        try:
            text = self.log.read_bytes()[-LAST_LINE_BYTES:].decode("utf-8", "replace")
        except OSError:
            return ""
        return read_cause(next((line.strip() for line in reversed(text.splitlines()) if line.strip()), ""))

    def _send_kill(self) -> None:
        assert self.process is not None
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            self.process.kill()

    def _forget(self) -> None:
        assert self.process is not None and self.watchdog is not None
        self.worked = self.watchdog.has_worked()
        self.watchdog.close()
        self.process = self.watchdog = None
        self.unreleased.append(self.order.owner)


def _without_switches(environ: Mapping[str, str]) -> dict[str, str]:
    # Determinism is the study's to decide, not the shell's.
    return {key: value for key, value in environ.items() if key != "TF_DETERMINISTIC_OPS"}
