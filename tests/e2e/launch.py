"""The real command, started to do its work."""

import os
import subprocess
from pathlib import Path
from typing import Any

import psutil

from tests.e2e.command import COMMAND, OURS

ROOT = Path(__file__).resolve().parents[2]
FAKE = ["--trainer", "tests.fake_train:trainer"]


def start(*arguments: str | Path, cwd: Path, **changes: str) -> "subprocess.Popen[str]":
    """Starts `unet-search`; `changes` go into its environment, which else has none of our settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    pipe: Any = subprocess.PIPE
    command = [str(COMMAND), *map(str, arguments)]
    environ = kept | {"PYTHONPATH": str(ROOT)} | changes
    return subprocess.Popen(command, cwd=cwd, env=environ, stdout=pipe, stderr=pipe, text=True)


def finish(*arguments: str | Path, cwd: Path, **changes: str) -> str:
    """Runs the command to its end, which must be a good one, and gives what it printed."""
    process = start(*arguments, cwd=cwd, **changes)
    out, err = process.communicate(timeout=280)
    assert process.returncode == 0, f"{arguments}: {process.returncode}\n{out}\n{err}"
    return out


def is_worker(process: psutil.Process) -> bool:
    """Whether a process is a worker of a search; one that has ended by now is not."""
    try:
        return "search.worker" in " ".join(process.cmdline())
    except psutil.Error:
        return False
