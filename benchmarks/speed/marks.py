"""Moments of a process, on the clock and in seconds of its processor, appended to a file."""

import json
import os
import time
from pathlib import Path

import psutil

FILE = "SPEED_MARKS"  # variable of the environment with the file's path


def mark(name: str) -> None:
    """Appends the moment to the file: its name, the clock's time since the process began, and the processor's."""
    now, cpu_s = time.time() - psutil.Process().create_time(), cpu_seconds(os.getpid())
    with Path(os.environ[FILE]).open("a") as file:
        file.write(json.dumps([name, now, cpu_s]) + "\n")


def cpu_seconds(pid: int) -> float:
    """Seconds that a process and those that it started have computed so far, the ended ones included."""
    root = psutil.Process(pid)
    times = [process.cpu_times() for process in (root, *root.children(recursive=True))]
    return float(sum(spent.user + spent.system + spent.children_user + spent.children_system for spent in times))


def read_marks(path: Path) -> list[tuple[str, float, float]]:
    """The moments of a file in their order."""
    return [
        (str(name), float(now), float(cpu_s)) for name, now, cpu_s in map(json.loads, path.read_text().splitlines())
    ]
