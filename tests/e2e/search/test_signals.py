"""A run that a signal ends leaves no process behind, and the same command goes on."""

import json
import signal
from pathlib import Path

import psutil

from storage.embedded.control import is_running
from tests.e2e.command import FAKE_WORKER, find_workers, run_command, start_command
from tests.e2e.conftest import wait_until
from tests.fake_train import Pause
from trainer.data.sample import write_sample

SEARCH = """
study = { name = "ended", trials = 2, pruner = "none" }
[train]
data = { path = "sample.npz" }
budget = { epochs = 4 }
[space]
"model.width" = { choice = [8, 16] }
"""
RUN = f"run search.toml {FAKE_WORKER}"
SIGNALS = (signal.SIGHUP, signal.SIGTERM, signal.SIGINT)
PATIENCE_S = 120


def test_an_ended_run_leaves_nothing_behind_and_goes_on(tmp_path: Path) -> None:
    """Whatever the signal, while a worker starts or in the middle of its trial."""
    write_sample(tmp_path / "sample.npz", images=16, test_images=2)
    (tmp_path / "search.toml").write_text(SEARCH)
    for epoch, number in enumerate(SIGNALS):
        (folder := tmp_path / f"pause {epoch}").mkdir()
        pause = Pause(folder, epoch)
        process = start_command(RUN, tmp_path, **pause.environ)
        wait_until(lambda: bool(find_workers(process.pid)))  # noqa: B023
        workers = find_workers(process.pid)
        if epoch:
            wait_until(lambda: pause.is_reached(0))  # noqa: B023
        process.send_signal(number)
        process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 128 + number
        assert not [worker for worker in workers if worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE]
        assert not is_running(tmp_path / "unet-search" / "pgdata")
    assert "2 of 2 trials" in run_command(RUN, tmp_path).output()
    assert json.loads(run_command("status --json", tmp_path).output())["trials"]["complete"] == 2
