"""A worker process as its supervisor handles it: how it is started, watched and ended."""

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
KILL_WAIT_S = 2.0  # for a process that was killed to end, which one inside a broken driver never does
STABLE_S = 60.0  # a process that lived for so long resets the count of deaths


@dataclass
class WorkerProcess:
    """The worker of one device slot: its process, and the record of the processes before it."""

    slot: DeviceSlot
    order: Order
    log: Path
    process: "subprocess.Popen[bytes] | None" = None
    watchdog: Watchdog | None = None  # of the process
    started: float = 0.0  # seconds of the monotonic clock, as is start_at
    start_at: float = 0.0
    worked: bool = False  # whether the last process finished a batch before it ended
    deaths: int = 0  # in a row
    status: int | None = None  # final exit status; None while the process runs or is to be restarted
    unreleased: list[UUID] = field(default_factory=list)  # owners of dead processes whose leases are to be released

    def start(self, environ: Mapping[str, str]) -> None:
        """Starts the process under a new owner; it ends when our end of its standard input, a socket, is closed."""
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
                env={**_without_determinism(environ), **self.slot.env},
                start_new_session=True,  # Ctrl-C is for the supervisor, which tells its workers to stop
            )

    def poll(self) -> int | None:
        """The exit status of a process that has just ended, whose leases then are to be released; else None."""
        if self.process is None or (status := self.process.poll()) is None:
            return None
        self._discard_process()
        return status

    def kill_if_hung(self) -> None:
        """Kills the process if its training hangs; `poll` then returns its exit status."""
        if self.process is None or self.watchdog is None or not self.watchdog.is_hung():
            return
        self.append_log("is killed", f"no batch for {self.watchdog.silent_s:.0f} s; its trial is handed on")
        self.watchdog.stand_down()
        self._send_kill()

    def append_log(self, event: str, cause: str | None = None) -> None:
        """Adds a line to the process's log."""
        with suppress(OSError):  # such as a full disk
            append_line(self.log, self.order.worker, event, cause)

    def restart_later(self) -> None:
        """Counts a death, and sets the time of the next start after a pause that doubles with every death in a row.

        A process that finished a batch or lived for STABLE_S resets the count: its trial killed it, or another program.
        """
        self.deaths = 1 if self.worked or monotonic() - self.started > STABLE_S else self.deaths + 1
        self.start_at = monotonic() + min(FIRST_PAUSE_S * 2 ** (self.deaths - 1), LONGEST_PAUSE_S)

    def terminate(self) -> None:
        """Tells the process to hand its trial on and to end."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Kills the process and those that it started, and waits KILL_WAIT_S for its end."""
        if self.process is None:
            return
        self._send_kill()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(KILL_WAIT_S)
        self._discard_process()

    def last_cause(self) -> str:
        """The cause in the log's last line; empty where there is none."""
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

    def _discard_process(self) -> None:
        assert self.process is not None and self.watchdog is not None
        self.worked = self.watchdog.has_worked()
        self.watchdog.close()
        self.process = self.watchdog = None
        self.unreleased.append(self.order.owner)


def _without_determinism(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without the switch for deterministic kernels, on which the study decides, not the shell."""
    return {key: value for key, value in environ.items() if key != "TF_DETERMINISTIC_OPS"}
