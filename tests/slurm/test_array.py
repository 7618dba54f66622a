"""A search through the array job, by a real Slurm: its tasks are cut off by their time limit, or cancelled."""

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from optuna.trial import FrozenTrial, TrialState

from search.study.study import open_study
from storage.database.connection import open_database
from storage.settings import Settings
from tests.e2e.command import COMMAND, make_environment, run_command
from tests.e2e.input_folder import write_input
from tests.fake_train import Pause
from tests.slurm.conftest import Slurm

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(1200)]

SCRIPT = Path(__file__).resolve().parents[2] / "deploy" / "slurm" / "workers.sbatch"
TRAINER = "--trainer", "tests.faulty_train:make_logging_trainer"
ACTIVE = {"PENDING", "CONFIGURING", "RUNNING", "COMPLETING", "REQUEUED"}
PATIENCE_S = 600.0  # Slurm begins a task again two minutes after it was queued again
EPOCHS, PAUSED_AFTER = 4, 2
SEARCH = f"""
study = {{ name = "slurm", trials = 4, pruner = "none" }}
[train]
data = {{ path = "good.npz", validation = 0.5, clean = false }}
budget = {{ steps = "none", epochs = {EPOCHS} }}
[space]
"optimizer.learning_rate" = {{ float = [1e-4, 1e-2], log = true }}
"""


@pytest.fixture
def pause(tmp_path: Path) -> Pause:
    """Every trial waits after some epochs, until the test lets it go on."""
    return Pause(tmp_path, PAUSED_AFTER)


@pytest.fixture
def places(tmp_path: Path, database_url: str, pause: Pause) -> dict[str, str]:
    """A folder with data and the study, and what the tasks' environment says of both."""
    write_input(tmp_path)
    (tmp_path / "search.toml").write_text(SEARCH)
    places = {"DATABASE_URL": database_url, "UNET_SEARCH_ARTIFACTS": str(tmp_path / "artifacts")}
    run_command("init search.toml", tmp_path, **places).output()
    return places | pause.environ | {"FAKE_EPOCH_LOG": str(tmp_path / "epochs.log")}


def test_tasks_at_their_time_limit_hand_their_trials_on_and_queue_again(
    slurm: Slurm, tmp_path: Path, places: dict[str, str], pause: Pause
) -> None:
    job = submit(slurm, tmp_path, places, "--time=2", "--signal=B:USR1@30")
    outputs = [tmp_path / f"unet-search-{job}_{task}.log" for task in range(2)]
    await_that(lambda: all("this task queues again" in read(output) for output in outputs))
    assert handed_on(tmp_path) == {"0", "1"}
    assert [trial.state for trial in read_trials(places)] == [TrialState.RUNNING] * 2
    pause.end()
    await_end(slurm, job)
    assert slurm.states(job) <= {"COMPLETED"}  # forgotten, or
    check_whole(tmp_path, places)


def test_a_cancelled_array_hands_its_trials_to_another_one(
    slurm: Slurm, tmp_path: Path, places: dict[str, str], pause: Pause
) -> None:
    job = submit(slurm, tmp_path, places)
    await_that(lambda: pause.is_reached(0, 1))
    slurm.run("scancel", job)
    await_end(slurm, job)
    assert handed_on(tmp_path) == {"0", "1"}
    pause.end()
    await_end(slurm, submit(slurm, tmp_path, places))
    check_whole(tmp_path, places)


def test_a_worker_has_the_cores_of_its_task(slurm: Slurm, tmp_path: Path, places: dict[str, str], pause: Pause) -> None:
    pause.end()
    job = submit(slurm, tmp_path, places, "--array=0")
    await_end(slurm, job)
    assert "worker 0: cpu, 1 thread\n" in read(tmp_path / f"unet-search-{job}_0.log")


def check_whole(folder: Path, places: dict[str, str]) -> None:
    """The budget is met, and no epoch was trained twice."""
    assert [trial.state for trial in read_trials(places)] == [TrialState.COMPLETE] * 4
    epochs = [tuple(line.split()[:2]) for line in read(folder / "epochs.log").splitlines()]
    assert len(epochs) == len(set(epochs)) == 4 * EPOCHS


def submit(slurm: Slurm, folder: Path, places: dict[str, str], *options: str) -> str:
    """The number of an array of two tasks with a core each, unless the options say otherwise."""
    own = make_environment(None, places | {"PATH": f"{COMMAND.parent}:{slurm.environ['PATH']}"})
    command = ("sbatch", "--array=0-1", "--cpus-per-task=1", "--mem=0", *options, SCRIPT, *TRAINER)
    shown = slurm.run(*command, cwd=folder, **own)
    found = re.fullmatch(r"Submitted batch job (\d+)\s*", shown)
    assert found is not None, shown
    return found[1]


def await_end(slurm: Slurm, job: str) -> None:
    await_that(lambda: not slurm.states(job) & ACTIVE)


def await_that(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.5)


def read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def handed_on(folder: Path) -> set[str]:
    """The numbers of the trials that a worker has handed on, by the logs."""
    logs = "".join(read(file) for file in folder.glob("unet-search/task-*/logs/*.log"))
    return set(re.findall(r"trial (\d+) is handed on", logs))


def read_trials(places: dict[str, str]) -> list[FrozenTrial]:
    with open_database(Settings(database_url=places["DATABASE_URL"])) as db:
        return open_study(db, "slurm").study.get_trials()
