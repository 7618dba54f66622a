"""Runs `unet-search`: the executable, or a fork of a process that has imported it."""

import atexit
import json
import os
import resource
import selectors
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import psutil

from tests.e2e import fork_server
from tests.e2e.fork_server import Request

COMMAND = Path(sys.executable).with_name("unet-search")
FAKE_WORKER = "--trainer tests.fake_train:make_trainer --workers 1 --device cpu"  # options of `run` and `worker`
TIMEOUT_S = 280
OURS = ("DATABASE_URL", "UNET_SEARCH_", "DASHBOARD_", "KERAS_BACKEND")  # a test's environment has its own, or none
CHUNK_BYTES = 1 << 16


@dataclass(frozen=True)
class Completed:
    """A command that has ended."""

    line: str  # as typed, without the name of the program
    status: int
    out: str
    err: str

    def output(self) -> str:
        """The standard output of a command that must succeed."""
        assert self.status == 0, f"{self.line}: {self.status}\n{self.out}\n{self.err}"
        return self.out


Run = Callable[..., Completed]  # `run_command` or `run_forked`


def run_command(line: str, folder: Path, file_bytes: int | None = None, **environ: str) -> Completed:
    """Runs `unet-search LINE` in a folder.

    Args:
        line: the arguments, quoted as in a shell.
        folder: the working folder.
        file_bytes: no file may grow beyond it.
        environ: variables beside those of the tests, from which our own are removed.
    """

    def limit() -> None:
        if file_bytes is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))

    done = subprocess.run(
        [COMMAND, *shlex.split(line)],
        cwd=folder,
        env=make_environment(file_bytes, environ),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        preexec_fn=limit,
    )
    return Completed(line, done.returncode, done.stdout, done.stderr)


def run_forked(line: str, folder: Path, file_bytes: int | None = None, **environ: str) -> Completed:
    """Does the same without the second that it takes to import the command line; see `fork_server.py`."""
    argv = [str(COMMAND), *shlex.split(line)]
    status, out, err = _fork_server().run(Request(argv, str(folder), make_environment(file_bytes, environ), file_bytes))
    return Completed(line, status, out, err)


def start_command(line: str, folder: Path, **environ: str) -> "subprocess.Popen[str]":
    """Starts `unet-search LINE` in a folder; its output goes into pipes."""
    pipe: Any = subprocess.PIPE
    command = [str(COMMAND), *shlex.split(line)]
    return subprocess.Popen(
        command, cwd=folder, env=make_environment(None, environ), stdout=pipe, stderr=pipe, text=True
    )


def make_environment(file_bytes: int | None, changes: dict[str, str]) -> dict[str, str]:
    """The environment of the tests without our own variables, and with those of one test."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    if file_bytes is not None:  # Python 3.11 would leave truncated bytecode, at which every later command fails
        environ["PYTHONDONTWRITEBYTECODE"] = "1"
    return environ | changes


def find_workers(supervisor: int) -> list[psutil.Process]:
    """The worker processes that a process has started and that have not ended."""
    return [child for child in psutil.Process(supervisor).children() if _is_worker(child)]


def _is_worker(process: psutil.Process) -> bool:
    try:
        return "search.worker" in process.cmdline()  # that of a zombie is empty
    except psutil.NoSuchProcess:
        return False


class _ForkServer:
    """The client of a `fork_server.py`. Several threads may run commands at the same time."""

    def __init__(self) -> None:
        self._socket, other_end = socket.socketpair()
        with other_end:
            file = other_end.fileno()
            self._process = subprocess.Popen(
                [sys.executable, "-P", fork_server.__file__, str(file)],
                env=make_environment(None, {"OPENBLAS_NUM_THREADS": "1"}),  # a fork needs a single thread
                pass_fds=[file],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
        atexit.register(self._close)

    def run(self, request: Request) -> tuple[int, str, str]:
        """The exit status of a command, and its standard output and error."""
        client, connection = socket.socketpair()
        pipes = [os.pipe() for _ in range(2)]
        socket.send_fds(self._socket, [b"."], [connection.fileno(), *(write for _, write in pipes)])
        connection.close()
        for _, write in pipes:
            os.close(write)
        client.sendall(json.dumps(asdict(request)).encode() + b"\n")
        files = (client.fileno(), *(read for read, _ in pipes))
        try:
            lines, out, err = _read_all(files)
        finally:
            for read, _ in pipes:
                os.close(read)
            client.close()
        _, status = lines.split()
        return int(status), out, err

    def _close(self) -> None:
        self._socket.close()
        self._process.wait()


@cache
def _fork_server() -> _ForkServer:
    return _ForkServer()


def _read_all(files: tuple[int, ...]) -> list[str]:
    """What can be read from each file until its end; the first one begins with the number of a process.

    The process is killed after TIMEOUT_S.
    """
    content = dict.fromkeys(files, b"")
    deadline = time.monotonic() + TIMEOUT_S
    with selectors.DefaultSelector() as selector:
        for file in files:
            selector.register(file, selectors.EVENT_READ)
        while selector.get_map():
            for key, _ in selector.select(deadline - time.monotonic()):
                chunk = os.read(key.fd, CHUNK_BYTES)
                content[key.fd] += chunk
                if not chunk:
                    selector.unregister(key.fd)
            if time.monotonic() > deadline:
                os.killpg(int(content[files[0]].split()[0]), signal.SIGKILL)
                raise TimeoutError(f"got {content} in {TIMEOUT_S} s")
    return [text.decode() for text in content.values()]
