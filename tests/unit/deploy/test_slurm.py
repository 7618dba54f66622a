"""The array job for Slurm, run without Slurm: a shell, signals as Slurm sends them, and what it asks scontrol to do."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

from search.cli import cli
from search.worker.contract import AWAY, BAD_INPUT, DONE, FAILURES, GRACE_S, TOLD_TO_STOP

SCRIPT = Path(__file__).resolve().parents[3] / "deploy" / "slurm" / "workers.sbatch"
PLACES = {"DATABASE_URL": "postgresql://unet@db/unet", "UNET_SEARCH_ARTIFACTS": "s3://bucket/unet"}
TASK = {"SLURM_ARRAY_JOB_ID": "70", "SLURM_ARRAY_TASK_ID": "3", "SLURM_JOB_ID": "73"}

# Says how it was called; then ends with STATUS, or waits for SIGTERM and ends with it then.
WORKER = """#!{python}
import os, signal, sys
status = int(os.environ["STATUS"])
print("called", os.environ["UNET_SEARCH_DIR"], *sys.argv[1:], flush=True)
if "UNTIL_TERM" in os.environ:
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    print("ready", flush=True)
    signal.sigwait([signal.SIGTERM])
    print("told to stop", flush=True)
    if signal.sigtimedwait([signal.SIGTERM], 1.0 if "SLOW" in os.environ else 0.0):
        print("told again", flush=True)
sys.exit(status)
"""
SCONTROL = """#!/bin/bash
echo "scontrol $*"
"""


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder with an `unet-search` and a `scontrol` that say how they were called."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, text in (("unet-search", WORKER.format(python=sys.executable)), ("scontrol", SCONTROL)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return folder


def _run(
    programs: Path, number: signal.Signals | None = None, status: int = DONE, to_all: bool = False, **more: str
) -> tuple[int, str]:
    """The script's exit status and output.

    Args:
        number: the signal that comes once the worker waits for one, to the script's shell, or `to_all` processes.
        status: that the worker ends with.
        more: variables.
    """
    environ = {"PATH": f"{programs}:{os.environ['PATH']}", "STATUS": str(status)} | TASK | PLACES | more
    environ |= {"UNTIL_TERM": "1"} if number else {}
    task = subprocess.Popen(
        ["bash", SCRIPT],
        cwd=programs.parent,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    with task:
        try:
            assert task.stdout is not None
            seen = ""
            while number and "ready" not in seen:
                line = task.stdout.readline()
                assert line, seen
                seen += line
            if number:
                (os.killpg if to_all else os.kill)(task.pid, number)
            seen += task.stdout.read()
        except BaseException:  # such as a test's time limit: nothing is left running
            os.killpg(task.pid, signal.SIGKILL)
            raise
    return task.returncode, seen


@pytest.mark.parametrize("status", [DONE, 1, BAD_INPUT, FAILURES, TOLD_TO_STOP])
def test_a_task_ends_as_its_worker_does(programs: Path, status: int) -> None:
    code, output = _run(programs, status=status)
    assert code == status
    assert "scontrol" not in output


@pytest.mark.parametrize("status", [TOLD_TO_STOP, AWAY, 1])
def test_the_time_limit_has_the_trial_handed_on_and_queues_the_task_again(programs: Path, status: int) -> None:
    code, output = _run(programs, signal.SIGUSR1, status=status)
    assert code == status
    assert output.index("told to stop") < output.index("scontrol requeue 70_3")


@pytest.mark.parametrize("status", [DONE, BAD_INPUT, FAILURES])
def test_a_study_that_is_over_at_the_time_limit_is_not_queued_again(programs: Path, status: int) -> None:
    code, output = _run(programs, signal.SIGUSR1, status=status)
    assert (code, "told to stop" in output) == (status, True)
    assert "scontrol" not in output


@pytest.mark.parametrize("to_all", [False, True])
def test_a_cancelled_task_hands_its_trial_on_and_stays_away(programs: Path, to_all: bool) -> None:
    if not to_all:  # the shell waits for what the worker does by itself
        (programs / "sleep").write_text("#!/bin/sh\n")
        (programs / "sleep").chmod(0o755)
    code, output = _run(programs, signal.SIGTERM, TOLD_TO_STOP, to_all)
    assert (code, "told to stop" in output) == (TOLD_TO_STOP, True)
    assert "scontrol" not in output


def test_a_worker_that_got_the_signal_too_is_left_to_hand_its_trial_on(programs: Path) -> None:
    _, output = _run(programs, signal.SIGTERM, TOLD_TO_STOP, to_all=True, SLOW="1")
    assert "told to stop" in output
    assert "told again" not in output


def test_a_task_with_a_gpu_refuses_to_train_without_one(programs: Path) -> None:
    _, output = _run(programs, SLURM_JOB_GPUS="2")
    assert output == "called unet-search/task-3 worker --device gpu\n"


def test_a_task_without_a_gpu_has_one_worker(programs: Path) -> None:
    _, output = _run(programs)
    assert output == "called unet-search/task-3 worker --device cpu --workers 1\n"


@pytest.mark.parametrize("options", ["--device gpu", "--device cpu --workers 1"])
def test_the_worker_takes_these_options(options: str) -> None:
    command = cli.get_command(click.Context(cli), "worker")
    assert command is not None
    command.make_context("worker", options.split())


@pytest.mark.parametrize("name", PLACES)
def test_a_place_that_all_tasks_share_must_be_named(programs: Path, name: str) -> None:
    code, output = _run(programs, **{name: ""})
    assert code == BAD_INPUT
    assert f"all tasks need the same {name}" in output


def test_places_may_stand_in_the_env_file(programs: Path) -> None:
    lines = "".join(f"{name}={value}\n" for name, value in PLACES.items())
    (programs.parent / ".env").write_text(lines)
    code, _ = _run(programs, DATABASE_URL="", UNET_SEARCH_ARTIFACTS="")
    assert code == DONE


def test_the_signal_comes_to_the_shell_early_enough() -> None:
    found = re.search(r"^#SBATCH --signal=B:USR1@(\d+)$", SCRIPT.read_text("utf-8"), re.MULTILINE)
    assert found is not None
    assert int(found[1]) > GRACE_S


def test_the_script_is_clean() -> None:
    shellcheck = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert shellcheck is not None
    done = subprocess.run([shellcheck, SCRIPT], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")
