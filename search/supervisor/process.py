"""A worker process as its supervisor handles it: how it is started, watched and ended."""

import os
import signal
import socket
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from uuid import UUID

from search.log import append_line, read_cause
from search.supervisor.devices import DeviceSlot
from search.supervisor.python import module_command
from search.worker.contract import Order
from search.worker.heartbeat import Watchdog
from storage.folders import open_plain

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
    ready: bool = False  # whether the last process started well before it ended
    worked: bool = False  # whether it finished a batch
    has_been_ready: bool = False  # whether any process started well
    refusal: str | None = None  # the line of a process that found the database or the artifact store away
    deaths: int = 0  # in a row
    status: int | None = None  # final exit status; None while the process runs or is to be restarted
    unreleased: list[UUID] = field(default_factory=list)  # owners of dead processes whose leases are to be released

    def start(self, environ: Mapping[str, str]) -> None:
        """Starts the process under a new owner; it ends when our end of its standard input, a socket, is closed.

        Raises OSError where the machine has no room for one more, or its log cannot be written.
        """
        self.order = self.order.renew()
        self.started, self.ready, self.worked = monotonic(), False, False
        with ExitStack() as failed:
            our_end, their_end = socket.socketpair()
            failed.callback(our_end.close)
            with their_end, open(self.log, "ab", opener=open_plain) as log:
                self.process = subprocess.Popen(
                    module_command(self.order.module, self.order.model_dump_json()),
                    stdin=their_end.fileno(),
                    stdout=log,
                    stderr=log,
                    env={**_without_determinism(environ), **self.slot.env},
                    start_new_session=True,  # Ctrl-C is for the supervisor, which tells its workers to stop
                )
            self.watchdog = Watchdog(our_end)
            failed.pop_all()

    def poll(self) -> int | None:
        """The exit status of a process that has just ended, whose leases then are to be released; else None."""
        if self.process is None or (status := self.process.poll()) is None:
            return None
        self._discard_process()
        return status

    def is_refused(self) -> bool:
        """Whether no process has started well yet, and one found the database or the artifact store away."""
        is_ready = self.watchdog is not None and self.watchdog.is_ready
        return self.refusal is not None and not self.has_been_ready and not is_ready

    def failed_to_restart(self) -> bool:
        """Whether the last process did not start well, as another one before it: what it lacked may come back."""
        return self.has_been_ready and not self.ready

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

        A process that finished a batch, or started well and lived for STABLE_S, resets the count: its trial killed it,
        or another program.
        """
        is_stable = self.ready and monotonic() - self.started > STABLE_S
        self.deaths = 1 if self.worked or is_stable else self.deaths + 1
        self.start_at = monotonic() + min(FIRST_PAUSE_S * 2 ** (self.deaths - 1), LONGEST_PAUSE_S)

    def terminate(self) -> None:
        """Tells the process to hand its trial on and to end, also by its standard input: SIGTERM may be ignored."""
        if self.process is not None and self.watchdog is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.watchdog.hang_up()

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
            with open(self.log, "rb", opener=open_plain) as log:
                text = log.read()[-LAST_LINE_BYTES:].decode("utf-8", "replace")
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
        self.worked, self.ready = self.watchdog.has_worked(), self.watchdog.is_ready
        self.has_been_ready = self.has_been_ready or self.ready
        self.watchdog.close()
        self.process = self.watchdog = None
        self.unreleased.append(self.order.owner)


def _without_determinism(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without the switch for deterministic kernels, on which the study decides, not the shell."""
    return {key: value for key, value in environ.items() if key != "TF_DETERMINISTIC_OPS"}
