"""All worker processes of a search, a fleet: ours with their supervisors, and Optuna's, restarted where they die."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Protocol

import psutil

from benchmarks.chaos.pretend import EPOCHS, RATES, WIDTHS

ROOT = Path(__file__).resolve().parents[2]
POLL_S = 0.1
SEARCH = f"""
study = {{ name = "chaos", startup_trials = 4 }}
[train]
data = {{ path = "data.npz", validation = 0.5, clean = false }}
budget = {{ epochs = {EPOCHS} }}
[space]
"optimizer.learning_rate" = {{ float = [{RATES[0]}, {RATES[1]}], log = true }}
"model.width" = {{ choice = {list(WIDTHS)} }}
"""


class Fleet(Protocol):
    """The processes that work on one study until it has its trials."""

    def start(self) -> None: ...
    def restart_dead(self) -> None: ...
    def workers(self) -> list[psutil.Process]: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...
    def running(self) -> bool: ...
    def statuses(self) -> list[int | None]: ...


class Ours:
    """One `unet-search run` per host; the workers are its children."""

    def __init__(
        self, folder: Path, url: str, trials: int, workers: int, hosts: int = 1, epoch_s: float = 0.2, **extra: str
    ) -> None:
        (folder / "search.toml").write_text(SEARCH)
        self.folder, self.hosts, self.processes = folder, hosts, list[subprocess.Popen[bytes]]()
        self.environ = (
            environment(folder, epoch_s) | extra | {"DATABASE_URL": url, "UNET_SEARCH_ARTIFACTS": str(folder / "art")}
        )
        self.command = [sys.executable, "-c", "from search.cli import main; main()", "run", "search.toml"]
        self.command += ["--trials", str(trials), "--workers", str(workers), "--device", "cpu"]
        self.command += ["--trainer", "benchmarks.chaos.pretend:trainer"]

    def start(self) -> None:
        with output(self.folder) as log:
            for host in range(self.hosts):
                command = on_host(f"host{host}", [*self.command, "--dir", f"host{host}"])
                self.processes.append(
                    subprocess.Popen(command, cwd=self.folder, env=self.environ, stdout=log, stderr=log)
                )

    def restart_dead(self) -> None:
        """Does nothing: the supervisors restart their workers."""

    def workers(self) -> list[psutil.Process]:
        return [child for host in self.processes for child in children(host) if "search.worker" in command_line(child)]

    def terminate(self) -> None:
        for process in self.processes:
            process.terminate()

    def kill(self) -> None:
        for worker in self.workers():
            worker.kill()
        for process in self.processes:
            process.kill()

    def running(self) -> bool:
        return any(process.poll() is None for process in self.processes)

    def statuses(self) -> list[int | None]:
        return [process.poll() for process in self.processes]


class Plain:
    """Optuna's own loop, in processes that are restarted when they fail, as by `until ...; do ...; done` in a shell."""

    def __init__(
        self, folder: Path, url: str, trials: int, workers: int, hosts: int = 1, epoch_s: float = 0.2, **extra: str
    ) -> None:
        self.folder, self.count, self.hosts = folder, workers * hosts, hosts
        self.environ = environment(folder, epoch_s) | extra
        self.command = [sys.executable, "-m", "benchmarks.chaos.plain_optuna", url, str(trials)]
        self.processes: list[subprocess.Popen[bytes]] = []
        self.stopped = False

    def start(self) -> None:
        self.stopped = False
        self.processes = [self._start(index) for index in range(self.count)]

    def restart_dead(self) -> None:
        if not self.stopped:
            now = enumerate(self.processes)
            self.processes = [self._start(index) if process.poll() else process for index, process in now]

    def workers(self) -> list[psutil.Process]:
        return [psutil.Process(process.pid) for process in self.processes if process.poll() is None]

    def terminate(self) -> None:
        self.stopped = True
        for process in self.processes:
            process.terminate()

    def kill(self) -> None:
        self.stopped = True
        for process in self.processes:
            process.kill()

    def running(self) -> bool:
        return any(process.poll() is None for process in self.processes)

    def statuses(self) -> list[int | None]:
        return [process.poll() for process in self.processes]

    def _start(self, index: int) -> "subprocess.Popen[bytes]":
        command = on_host(f"host{index % self.hosts}", self.command)
        with output(self.folder) as log:
            return subprocess.Popen(command, cwd=self.folder, env=self.environ, stdout=log, stderr=log)


def wait_for_end(fleet: Fleet, limit_s: float, on_poll: Callable[[float], None] = lambda elapsed_s: None) -> bool:
    """Waits for the end of a fleet, and kills it after `limit_s`; returns whether it ended by itself.

    Args:
        on_poll: called every POLL_S with the seconds since the start.
    """
    started = time.monotonic()
    while (elapsed_s := time.monotonic() - started) < limit_s:
        fleet.restart_dead()
        if not fleet.running():
            return True
        on_poll(elapsed_s)
        time.sleep(POLL_S)
    fleet.kill()
    return False


def on_host(name: str, command: list[str]) -> list[str]:
    """The command in a namespace of its own, where the machine has that name; unchanged for who is not root."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        return command
    return ["unshare", "--uts", "sh", "-c", f'hostname {name} && exec "$@"', name, *command]


def environment(folder: Path, epoch_s: float) -> dict[str, str]:
    """The environment of every process of a fleet: without our settings, with those of the simulated training."""
    inherited = {
        key: value for key, value in os.environ.items() if not key.startswith(("DATABASE_URL", "UNET_SEARCH_"))
    }
    pretend = {"PRETEND_LOG": str(folder / "epochs.log"), "PRETEND_EPOCH_S": str(epoch_s)}
    return inherited | pretend | {"PYTHONPATH": str(ROOT), "NO_ALBUMENTATIONS_UPDATE": "1"}


def output(folder: Path) -> IO[bytes]:
    """The file that a fleet's processes write their output to."""
    return (folder / "output.log").open("ab")


def children(process: "subprocess.Popen[bytes]") -> list[psutil.Process]:
    try:
        return psutil.Process(process.pid).children()
    except psutil.NoSuchProcess:
        return []


def command_line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""
