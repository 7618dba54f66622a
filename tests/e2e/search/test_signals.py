"""Signals: one that ends a run leaves no process behind, and the same command goes on; an ignored one stays ignored."""

import fcntl
import json
import os
import pty
import shlex
import signal
import subprocess
import sys
import termios
from pathlib import Path

import psutil
import pytest

from storage.embedded.control import is_running
from tests.e2e.command import COMMAND, FAKE_WORKER, find_workers, make_environment, run_command, start_command
from tests.e2e.conftest import Search, wait_until
from tests.fake_train import Pause
from trainer.data.sample import write_sample

SEARCH = """
study = { name = "ended", trials = 2, pruner = "none" }
[train]
data = { path = "sample.npz" }
budget = { steps = "none", epochs = 4 }
[space]
"model.width" = { choice = [8, 16] }
"""
RUN = f"run search.toml {FAKE_WORKER}"
SIGNALS = (signal.SIGHUP, signal.SIGTERM, signal.SIGINT)
PATIENCE_S = 120


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a search of two trials."""
    write_sample(tmp_path / "sample.npz", images=16, test_images=2)
    (tmp_path / "search.toml").write_text(SEARCH)
    return tmp_path


def test_an_ended_run_leaves_nothing_behind_and_goes_on(folder: Path) -> None:
    """Whatever the signal, while a worker starts or in the middle of its trial; the last line names it."""
    for epoch, number in enumerate(SIGNALS):
        (pauses := folder / f"pause {epoch}").mkdir()
        pause = Pause(pauses, epoch)
        process = start_command(RUN, folder, **pause.environ)
        wait_until(lambda: bool(find_workers(process.pid)))  # noqa: B023
        workers = find_workers(process.pid)
        if epoch:
            wait_until(lambda: pause.is_reached(0))  # noqa: B023
        process.send_signal(number)
        _, err = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 128 + number
        last = f"interrupted by {number.name}; the same command goes on where it stopped"
        assert err.splitlines()[-1] == last
        assert not [worker for worker in workers if worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE]
        assert not is_running(folder / "unet-search" / "pgdata")
    assert "2 of 2 trials" in run_command(RUN, folder).output()
    assert json.loads(run_command("status --json", folder).output())["trials"]["complete"] == 2


def start_ignoring(signals: str, line: str, folder: Path, **environ: str) -> "subprocess.Popen[str]":
    """Starts a command as nohup and shells do, with signals ignored."""
    script = f"trap '' {signals}; exec {shlex.quote(str(COMMAND))} {line}"
    return subprocess.Popen(
        ["sh", "-c", script], cwd=folder, env=make_environment(None, environ), stderr=subprocess.PIPE, text=True
    )


def test_ignored_signals_stay_ignored(search: Search, folder: Path) -> None:
    """By the command and by its workers."""
    pause = Pause(folder, epoch=2)
    process = start_ignoring("HUP INT TERM", RUN, folder, DATABASE_URL=search.db.url, **pause.environ)
    wait_until(lambda: pause.is_reached(0))
    (worker,) = find_workers(process.pid)
    for number in SIGNALS:
        process.send_signal(number)
        worker.send_signal(number)
    pause.end()
    _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, err
    (log,) = (folder / "unet-search" / "logs").iterdir()
    assert log.read_text().count(" starts: cpu") == 1 and "told to stop" not in log.read_text()


def test_workers_that_ignore_sigterm_are_told_to_stop_all_the_same(search: Search, folder: Path) -> None:
    """By their supervisor, which was started with it ignored, too."""
    pause = Pause(folder, epoch=2)
    process = start_ignoring("HUP TERM", RUN, folder, DATABASE_URL=search.db.url, **pause.environ)
    wait_until(lambda: pause.is_reached(0))
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 128 + signal.SIGINT
    (log,) = (folder / "unet-search" / "logs").iterdir()
    assert "trial 0 is handed on: told to stop" in log.read_text()


def test_a_closed_terminal_ends_the_run_well(search: Search, folder: Path) -> None:
    """What it writes to the terminal that is gone does not count."""
    pause = Pause(folder, epoch=2)
    terminal, own_end = pty.openpty()
    process = subprocess.Popen(
        [COMMAND, *shlex.split(RUN)],
        cwd=folder,
        env=make_environment(None, {"DATABASE_URL": search.db.url, **pause.environ}),
        stdin=own_end,
        stdout=own_end,
        stderr=own_end,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(own_end, termios.TIOCSCTTY, 0),
    )
    os.close(own_end)
    os.set_blocking(terminal, False)
    wait_until(lambda: drain(terminal) and pause.is_reached(0))
    os.close(terminal)
    assert process.wait(PATIENCE_S) == 128 + signal.SIGHUP
    (log,) = (folder / "unet-search" / "logs").iterdir()
    assert "trial 0 is handed on: told to stop" in log.read_text()


def drain(terminal: int) -> bool:
    """Reads what was written to a terminal, which would hold the writer up when it is full; returns True."""
    while True:
        try:
            os.read(terminal, 1 << 16)
        except BlockingIOError:
            return True


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_another_command_that_a_signal_ends_says_so(tmp_path: Path, number: signal.Signals) -> None:
    code = f"import os, signal; from search import cli; cli.cli.main = lambda **_: os.kill(os.getpid(), {int(number)})"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\ncli.main()"], capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert (done.returncode, done.stderr) == (128 + number, f"unet-search: ended by {number.name}\n")
