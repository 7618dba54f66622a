"""Starts commands as forks of a process that has imported the command line, which takes 50 ms instead of a second.

    python -P fork_server.py FD

FD is a Unix socket. For every command the client sends one byte through it, with three file descriptors: a socket for
this command, its standard output and its standard error. Through the command's socket the client sends a `Request` as
a line of JSON, and is sent two lines: the number of the process, and its exit status when it has ended. The server ends
when the client closes FD.

A command differs from one that was started as a program only in that the modules of all commands are imported already,
in an environment that may not be its own: none of them, and no library of theirs, reads one of our variables at its
import. Modules that a command imports later, such as Keras, are imported by each command.
"""

import gc
import importlib
import json
import os
import resource
import signal
import socket
import sys
from dataclasses import dataclass

from search.cli import COMMANDS, main

FILES = 3  # descriptors that come with a request


@dataclass(frozen=True)
class Request:
    """A command to be started."""

    argv: list[str]
    cwd: str
    environ: dict[str, str]  # the whole of it
    file_bytes: int | None = None  # no file may grow beyond it


def import_commands() -> None:
    """Imports the modules of all commands."""
    for module in sorted(set(COMMANDS.values())):
        importlib.import_module(module)
    gc.freeze()  # so that the forks' garbage collection leaves the shared memory alone
    if sys.platform == "linux":  # a fork of a process with several threads may hang
        assert len(os.listdir("/proc/self/task")) == 1


def serve(server: socket.socket) -> None:
    """Starts commands; returns in each process that is to run one, and ends the server when the client has gone."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps the processes that wait for commands
    while True:
        _, files, _, _ = socket.recv_fds(server, 1, FILES)
        if not files:
            sys.exit()
        if os.fork() == 0:
            server.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            fork_command(*files)
            return
        for file in files:
            os.close(file)


def fork_command(connection: int, out: int, err: int) -> None:
    """Forks the command's process, in which it returns, and waits for its end."""
    with socket.socket(fileno=connection) as client, client.makefile() as lines:
        request = Request(**json.loads(lines.readline()))
        pid = os.fork()
        if pid:
            for file in (out, err):
                os.close(file)
            client.sendall(f"{pid}\n".encode())
            _, status = os.waitpid(pid, 0)
            client.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
            os._exit(0)
    prepare(request, out, err)


def prepare(request: Request, out: int, err: int) -> None:
    """Gives this process the files, arguments, environment, folder and limit of the request."""
    os.setsid()
    for file, standard in ((out, 1), (err, 2)):
        os.dup2(file, standard)
        os.close(file)
    sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", buffering=1, closefd=False)
    paths = [os.path.dirname(request.argv[0]), *python_path(request.environ.get("PYTHONPATH"))]
    sys.path[: len(python_path(os.environ.get("PYTHONPATH")))] = paths
    os.environ.clear()
    os.environ.update(request.environ)
    sys.dont_write_bytecode = bool(request.environ.get("PYTHONDONTWRITEBYTECODE"))
    sys.argv = request.argv
    os.chdir(request.cwd)
    if request.file_bytes is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (request.file_bytes, request.file_bytes))


def python_path(value: str | None) -> list[str]:
    """The folders that PYTHONPATH puts behind the script's own in sys.path."""
    return value.split(os.pathsep) if value else []


if __name__ == "__main__":
    import_commands()
    serve(socket.socket(fileno=int(sys.argv[1])))
    main()
