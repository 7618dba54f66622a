"""Hosts without a common disk: one has the data, the other gets them from the bucket, and goes on with its trials."""

import os
import shutil
import subprocess
from itertools import groupby
from pathlib import Path

import numpy as np
import psutil
import pytest
from optuna.trial import TrialState
from sqlalchemy import text

from search.study.study import open_study
from storage.database.connection import Database
from tests.bucket_server import bucket_contents
from tests.e2e.command import find_workers, run_forked, start_command
from tests.e2e.conftest import Search, wait_until
from tests.e2e.input_folder import make_arrays, write_input
from tests.e2e.refusal import assert_refused
from tests.fake_train import Pause

LOGGING = "--workers 1 --device cpu --trainer tests.faulty_train:make_logging_trainer"
Environ = dict[str, str]


@pytest.fixture
def first(tmp_path: Path) -> Path:
    """The folder of the host that has the data and the search's file."""
    (tmp_path / "first").mkdir()
    write_input(tmp_path / "first")
    return tmp_path / "first"


@pytest.fixture
def second(tmp_path: Path) -> Path:
    """The empty folder of the other host."""
    (tmp_path / "second").mkdir()
    return tmp_path / "second"


@pytest.fixture
def both(search: Search, bucket_url: str, tmp_path: Path) -> Environ:
    """The environment of both hosts."""
    return {
        "DATABASE_URL": search.db.url,
        "UNET_SEARCH_ARTIFACTS": bucket_url,
        "FAKE_EPOCH_LOG": str(tmp_path / "epochs.log"),
    }


def read_epochs(log: Path) -> list[list[int]]:
    """The epochs of the only trial that each process trained, in their order."""
    lines = [line.split() for line in log.read_text().splitlines()]
    return [[int(epoch) for _, epoch, _ in one] for _, one in groupby(lines, lambda line: line[2])]


def lose_host(command: "subprocess.Popen[str]", db: Database) -> None:
    """Kills a supervisor and its workers at once, and lets the time pass after which their leases end."""
    supervisor = psutil.Process(command.pid)
    for process in (supervisor, *find_workers(command.pid)):
        process.kill()
    command.wait()
    with db.engine.begin() as connection:
        connection.execute(text("update unet_search_slots set expires = now()"))


def test_a_trial_begun_on_one_host_is_finished_on_another_that_has_no_data(
    search: Search, first: Path, second: Path, both: Environ, tmp_path: Path
) -> None:
    said = run_forked("init search.toml --set budget.epochs=6 --trials 1", first, **both)
    assert said.status == 0 and "a copy of the data is in s3://" in said.err
    pause = Pause(tmp_path, epoch=2)
    with start_command(f"worker {LOGGING}", first, **both, **pause.environ) as command:
        wait_until(lambda: pause.is_reached(0))
        lose_host(command, search.db)
    shutil.rmtree(first)
    done = run_forked(f"worker {LOGGING}", second, **both)
    assert done.status == 0 and "are fetched from s3://" in done.err, done.err
    (trial,) = open_study(search.db).study.get_trials()
    assert trial.state == TrialState.COMPLETE and sorted(trial.intermediate_values) == [1, 2, 3, 4, 5, 6]
    assert read_epochs(tmp_path / "epochs.log") == [[1, 2], [3, 4, 5, 6]]
    assert not os.path.lexists(first) and list((second / "unet-search" / "data").glob("*/images.bin"))


def test_workers_that_were_started_without_a_supervisor_fetch_too(
    search: Search, first: Path, second: Path, both: Environ, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `confirm` starts them, which reads no data itself."""
    assert run_forked("init search.toml --trials 2", first, **both).status == 0
    shutil.rmtree(first)
    for name, value in both.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("search.supervisor.process.FIRST_PAUSE_S", 0.01)
    search.folder = second
    assert search.run(1) == 0
    log = search.read_log()
    assert "the study's data are not in" in log and "are fetched from s3://" in log
    states = {trial.state for trial in open_study(search.db).study.get_trials()}
    assert states <= {TrialState.COMPLETE, TrialState.PRUNED}


def test_a_study_is_extended_from_a_host_that_has_its_file_alone(
    search: Search, first: Path, second: Path, both: Environ
) -> None:
    assert run_forked("init search.toml --trials 1", first, **both).status == 0
    recorded = open_study(search.db).plan.base.data.path
    shutil.copy(first / "search.toml", second)
    (first / "good.npz").unlink()
    toml = (second / "search.toml").read_text().replace('"good.npz"', f'"{first / "good.npz"}"')
    (second / "search.toml").write_text(toml)
    done = run_forked("init search.toml --trials 3", second, **both)
    assert done.status == 0 and "the study has 3 trials now" in done.err, done.err
    assert open_study(search.db).plan.base.data.path == recorded


def test_data_that_a_worker_names_must_be_the_studys(search: Search, first: Path, second: Path, both: Environ) -> None:
    assert run_forked("init search.toml", first, **both).status == 0
    np.savez(second / "other.npz", **make_arrays(count=10))
    del both["FAKE_EPOCH_LOG"]
    assert_refused("worker --data other.npz", r"data\.fingerprint is", second, **both)
    assert_refused("worker --data none.npz", r"got \S*none\.npz, which is neither", second, **both)


def test_a_folder_gets_no_data_unless_asked(search: Search, first: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    environ = {"DATABASE_URL": search.db.url, "UNET_SEARCH_ARTIFACTS": str(store)}
    assert run_forked("init search.toml", first, **environ).status == 0
    assert not store.exists()
    assert run_forked("init search.toml --share-data", first, **environ).status == 0
    assert list(store.glob("data/*.json"))


def test_a_bucket_gets_no_data_where_they_are_not_to_leave_the_host(
    first: Path, both: Environ, bucket_url: str
) -> None:
    assert run_forked("init search.toml --no-share-data", first, **both).status == 0
    assert bucket_contents(bucket_url) == {}
