"""A command that is told to end leaves nothing running behind, and the same command goes on."""

import json
import signal
import time
from pathlib import Path

import psutil
import pytest

from storage.embedded.control import is_running
from tests.e2e.launch import FAKE, finish, is_worker, start
from trainer.data.sample import write_sample

SEARCH = """
study = { name = "ended", trials = 4, pruner = "none" }
[train]
data = { path = "sample.npz" }
budget = { epochs = 4 }
[space]
"model.width" = { choice = [8, 16, 32, 64] }
"""
RUN = ["run", "search.toml", "--workers", "1", "--device", "cpu", *FAKE]
PATIENCE_S = 60


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
def test_an_ended_run_leaves_nothing_behind_and_goes_on(tmp_path: Path, number: signal.Signals) -> None:
    write_sample(tmp_path / "sample.npz", images=16, test_images=2)
    (tmp_path / "search.toml").write_text(SEARCH)
    process = start(*RUN, cwd=tmp_path, FAKE_EPOCH_S="2")
    workers = wait_for_worker(process.pid)
    time.sleep(2)  # into its first trial, or before: both must end well
    process.send_signal(number)
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 128 + number
    assert not [worker for worker in workers if worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE]
    assert not is_running(tmp_path / "unet-search" / "pgdata")
    finish(*RUN, cwd=tmp_path, FAKE_EPOCH_S="0.05")
    assert json.loads(finish("status", "--json", cwd=tmp_path))["trials"]["complete"] == 4


def wait_for_worker(supervisor: int) -> list[psutil.Process]:
    """The worker processes, as soon as there are any."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if workers := [child for child in psutil.Process(supervisor).children() if is_worker(child)]:
            return workers
        time.sleep(0.2)
    raise AssertionError("no worker was started")
