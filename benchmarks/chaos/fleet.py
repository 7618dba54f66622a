"""A fleet of worker processes under treatment: ours behind its supervisor, the peer's in a loop that restarts them."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Protocol

import psutil

from benchmarks.chaos.pretend import EPOCHS, RATES, WIDTHS

ROOT = Path(__file__).resolve().parents[2]
BEAT_S = 0.1
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
    """Processes that work on one study until it has its trials."""

    def start(self) -> None: ...
    def tend(self) -> None: ...
    def workers(self) -> list[psutil.Process]: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...
    def running(self) -> bool: ...
    def statuses(self) -> list[int | None]: ...


class Ours:
    """`unet-search run`, one command a host; its workers are its children."""

    def __init__(
        self, folder: Path, url: str, trials: int, workers: int, hosts: int = 1, epoch_s: float = 0.2, **extra: str
    ) -> None:
        (folder / "search.toml").write_text(SEARCH)
        self.folder, self.hosts, self.processes = folder, hosts, list[subprocess.Popen[bytes]]()
        self.environ = (
            environment(folder, epoch_s)
            | extra
            | {
                "DATABASE_URL": url,
                "UNET_SEARCH_ARTIFACTS": str(folder / "art"),
            }
        )
        self.command = [sys.executable, "-c", "from search.cli import main; main()", "run", "search.toml"]
        self.command += ["--trials", str(trials), "--workers", str(workers), "--device", "cpu"]
        self.command += ["--trainer", "benchmarks.chaos.pretend:trainer"]

    def start(self) -> None:
        with output(self.folder) as log:
            for host in range(self.hosts):
                command = [*self.command, "--dir", f"host{host}"]
                self.processes.append(
                    subprocess.Popen(command, cwd=self.folder, env=self.environ, stdout=log, stderr=log)
                )

    def tend(self) -> None:
        """Its supervisor does."""

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
    """Optuna's own loop; a shell's `until ...; do ...; done` starts a worker that died again."""

    def __init__(
        self, folder: Path, url: str, trials: int, workers: int, hosts: int = 1, epoch_s: float = 0.2, **extra: str
    ) -> None:
        self.folder, self.count = folder, workers * hosts
        self.environ = environment(folder, epoch_s) | extra
        self.command = [sys.executable, "-m", "benchmarks.chaos.plain_optuna", url, str(trials)]
        self.processes: list[subprocess.Popen[bytes]] = []
        self.stopped = False

    def start(self) -> None:
        self.stopped = False
        self.processes = [self._start() for _ in range(self.count)]

    def tend(self) -> None:
        if not self.stopped:
            self.processes = [self._start() if process.poll() else process for process in self.processes]

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

    def _start(self) -> "subprocess.Popen[bytes]":
        with output(self.folder) as log:
            return subprocess.Popen(self.command, cwd=self.folder, env=self.environ, stdout=log, stderr=log)


def drive(fleet: Fleet, limit_s: float, act: Callable[[float], None] = lambda gone: None) -> bool:
    """Tends a fleet until it has ended; says whether it did within `limit_s`. `act(seconds gone)` is called often."""
    started = time.monotonic()
    while (gone := time.monotonic() - started) < limit_s:
        fleet.tend()
        if not fleet.running():
            return True
        act(gone)
        time.sleep(BEAT_S)
    fleet.kill()
    return False


def environment(folder: Path, epoch_s: float) -> dict[str, str]:
    """Of every process of a fleet: none of our settings from outside, the pretended training's own."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("DATABASE_URL", "UNET_SEARCH_"))}
    pretend = {"PRETEND_LOG": str(folder / "epochs.log"), "PRETEND_EPOCH_S": str(epoch_s)}
    return kept | pretend | {"PYTHONPATH": str(ROOT), "NO_ALBUMENTATIONS_UPDATE": "1"}


def output(folder: Path) -> IO[bytes]:
    """Where a fleet's processes write; one that failed says there why."""
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
