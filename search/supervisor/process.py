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

from search.log import append_line, read_cause
from search.supervisor.devices import DeviceSlot
from search.worker.contract import Order
from search.worker.heartbeat import Watchdog

LAST_LINE_BYTES = 4096
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
KILLED_S = 2.0  # until a process that was killed counts as ended: one in a broken driver never is
SETTLED_S = 60.0  # a worker that lived for so long has settled


@dataclass
class WorkerProcess:
    """The process of one device slot, and what became of it."""

    slot: DeviceSlot
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
        self.order = self.order.model_copy(update={"owner": uuid4()})
        self.started = monotonic()
        our_end, their_end = socket.socketpair()
        self.watchdog = Watchdog(our_end)
        with self.log.open("ab") as log, their_end:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "search.worker", self.order.model_dump_json()],
                stdin=their_end.fileno(),
                stdout=log,
                stderr=log,
                env={**_without_switches(environ), **self.slot.env},
                start_new_session=True,  # Ctrl-C is for the supervisor, which tells its workers to stop
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

        A process that did a batch or lived for long resets the streak: its trial or something outside killed it.
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
        """The cause in the log's last line."""
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
    # The study decides on determinism, not the shell.
    return {key: value for key, value in environ.items() if key != "TF_DETERMINISTIC_OPS"}
