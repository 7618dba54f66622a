"""The services of docker-compose.yml as a Compose project with its own name and settings."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 280
PASSWORD = "pass w$rd/:@%'\""  # with every character that needs quoting
SEARCH = """
study = { startup_trials = 1, pruner = "none" }
[train]
model = { depth = 1, width = 4, stem = 2 }
data = { limit = 64 }
budget = { patience = 100 }
optimizer = { batch_size = 16 }
[space]
"model.residual" = { choice = [true, false] }
"optimizer.learning_rate" = { float = [1e-3, 1e-1], log = true }
"""


@dataclass
class Stack:
    """A Compose project."""

    folder: Path
    settings: dict[str, str]  # of its .env
    name: str = field(default_factory=lambda: f"unet-test-{uuid4().hex[:8]}")
    files: tuple[Path, ...] = (ROOT / "docker-compose.yml",)

    @property
    def out(self) -> Path:
        return Path(self.settings["OUT"])

    def compose(self, *arguments: str, status: int | None = 0) -> "subprocess.CompletedProcess[str]":
        """Runs `docker compose ARGUMENTS`; asserts its exit status, unless `status` is None."""
        environ = self.folder / f"{self.name}.env"
        quoted = {key: value.replace("\\", "\\\\").replace("'", "\\'") for key, value in self.settings.items()}
        environ.write_text("".join(f"{key}='{value}'\n" for key, value in quoted.items()))
        files = [part for file in self.files for part in ("-f", str(file))]
        command = ["docker", "compose", "-p", self.name, "--env-file", str(environ), "--ansi=never", *files, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, env=plain_environment())
        assert status in (None, done.returncode), f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def run(self, *command: str, status: int | None = 0) -> "subprocess.CompletedProcess[str]":
        """Runs a command in a new container of the workers' service."""
        return self.compose("run", "--rm", "--no-deps", "-T", "workers", *command, status=status)

    def status(self) -> dict[str, Any]:
        """What `unet-search status --json` prints."""
        status: dict[str, Any] = json.loads(self.run("unet-search", "status", "--json").stdout)
        return status

    def sql(self, query: str) -> list[list[str]]:
        """The rows of a query, by psql in the database's container."""
        line = ("exec", "-T", "db", "psql", "-h", "/var/run/postgresql", "-U", "unet", "-At", "-F", "\t", "-c", query)
        return [row.split("\t") for row in self.compose(*line).stdout.splitlines()]

    def containers(self, service: str) -> list[dict[str, Any]]:
        """The service's containers, running or not, as `docker compose ps` lists them."""
        lines = self.compose("ps", "-a", "--format", "json", service).stdout.splitlines()
        return [json.loads(line) for line in lines]

    def workers_ended(self) -> bool:
        """Whether workers were started and all have ended."""
        rows = self.containers("workers")
        return bool(rows) and all(row["State"] == "exited" for row in rows)


@contextmanager
def running(stack: Stack) -> Iterator[Stack]:
    """Removes the stack's containers and volumes at the end."""
    try:
        yield stack
    finally:
        stack.compose("--profile", "*", "down", "-v", "-t", "20", "--remove-orphans", status=None)


def plain_environment() -> dict[str, str]:
    """This process's environment without variables that Compose would take for settings."""
    names = ("PATH", "HOME", "DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_CONTEXT")
    return {name: os.environ[name] for name in names if name in os.environ} | {"DOCKER_BUILDKIT": "1"}


def wait_for(condition: Callable[[], bool], what: str, within_s: float = 200) -> None:
    """Returns as soon as the condition is true; `what` names it in the message of a failure."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"within {within_s:.0f} s there must be {what}"
        time.sleep(0.5)


def why_no_compose(engine: bool = True) -> str | None:
    """Why these tests cannot run on this machine; None where they can."""
    if shutil.which("docker") is None:
        return "there is no docker on this machine"
    for command in (["compose", "version"], *([["info"]] if engine else [])):
        if subprocess.run(["docker", *command], capture_output=True).returncode:
            return f"`docker {' '.join(command)}` does not work on this machine"
    return None


def needs_compose(engine: bool = True) -> None:
    """Skips the test where Compose, or the engine, is missing."""
    if reason := why_no_compose(engine):
        pytest.skip(reason)
