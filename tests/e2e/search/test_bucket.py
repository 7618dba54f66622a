"""A search whose artifacts lie in a bucket loses no more than one in a folder."""

import json
import os
import signal
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from optuna.artifacts import get_all_artifact_meta
from optuna.trial import FrozenTrial, TrialState

from search.study.leaderboard import leaderboard
from search.study.study import OpenStudy
from storage.artifacts.store import checkpoint_key, open_artifacts
from storage.settings import Settings
from tests.bucket_server import SECRET, bucket_contents, deny
from tests.e2e.command import call, refuse
from tests.e2e.conftest import Search, in_state, soon
from tests.e2e.good_input import FAKE
from tests.e2e.launch import finish
from tests.full_study import contents, keep_file

EPOCHS = [1, 2, 3, 4, 5, 6]
FAULTY = "tests.faulty_train:"


@pytest.fixture
def bucket(bucket_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a bucket that every process uses."""
    monkeypatch.setenv("UNET_SEARCH_ARTIFACTS", bucket_url)
    monkeypatch.setattr("search.supervisor.process.FIRST_PAUSE_S", 0.01)
    return bucket_url


def has_epochs(opened: OpenStudy, number: int) -> bool:
    return any((trial.last_step or 0) >= number for trial in in_state(opened, TrialState.RUNNING))


def told(path: Path) -> list[tuple[int, list[int]]]:
    """The epochs that each process trained of trial 0, in their order."""
    lines = [list(map(int, line.split())) for line in path.read_text().splitlines()]
    assert all(trial == 0 for trial, _, _ in lines)
    return [(process, [epoch for _, epoch, _ in row]) for process, row in groupby(lines, lambda line: line[2])]


def test_a_killed_workers_trial_goes_on_from_its_checkpoint(
    search: Search, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_EPOCH_S", "0.3")
    monkeypatch.setenv("FAKE_TOLD", str(path := tmp_path / "told"))
    opened = search.create(1)
    soon(lambda: has_epochs(opened, 3), lambda: os.kill(told(path)[0][0], signal.SIGKILL))
    assert search.run(1, FAULTY + "telling_trainer") == 0
    (trial,) = opened.study.get_trials()
    assert trial.state == TrialState.COMPLETE and sorted(trial.intermediate_values) == EPOCHS
    (_, first), (_, second) = told(path)
    assert 3 <= first[-1] < 6 and second[0] in (first[-1], first[-1] + 1) and second[-1] == 6
    assert not [key for key in bucket_contents(bucket) if key.startswith("checkpoints/")]


def test_a_trial_that_is_handed_on_loses_no_epoch(
    search: Search, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_EPOCH_S", "0.3")
    monkeypatch.setenv("FAKE_TOLD", str(path := tmp_path / "told"))
    opened = search.create(1)
    soon(lambda: has_epochs(opened, 2), lambda: os.kill(os.getpid(), signal.SIGTERM))
    assert search.run(1, FAULTY + "late_trainer") == 143
    assert search.run(1, FAULTY + "late_trainer") == 0
    first, second = told(path)
    assert first[1] + second[1] == EPOCHS


def test_a_worker_that_lost_its_trial_leaves_the_others_checkpoint(search: Search, bucket: str) -> None:
    opened = search.create(1)
    log = search.log
    soon(lambda: log.exists() and "trial 0 is lost" in log.read_text(), lambda: os.kill(os.getpid(), signal.SIGTERM))
    assert search.run(1, FAULTY + "robbed_trainer") == 143
    assert bucket_contents(bucket) == {"checkpoints/fake/0": b"another's"}
    (trial,) = in_state(opened, TrialState.RUNNING)
    assert sorted(trial.intermediate_values) == [1, 2]


def test_a_damaged_checkpoint_costs_its_epochs_alone(search: Search, bucket: str) -> None:
    opened = search.create(1)
    opened.study.ask().report(0.25, 1)
    keep_file(open_artifacts(Settings(artifacts=bucket)), checkpoint_key("fake", 0), b"[{")
    assert search.run(1, FAULTY + "impatient_trainer") == 0
    (trial,) = opened.study.get_trials()
    assert trial.state == TrialState.COMPLETE and trial.intermediate_values[1] == 0.25


def test_checkpoints_that_are_refused_fail_their_trials_with_the_reason(search: Search, bucket: str) -> None:
    deny(bucket, "s3:PutObject", "*/checkpoints/*")
    opened = search.create(1)
    assert search.run(1, FAULTY + "impatient_trainer") == 3
    trials = in_state(opened, TrialState.FAIL)
    assert len(trials) == 5 and all("the bucket must be readable and writable" in cause(trial) for trial in trials)
    log = search.log.read_text()
    assert log.count("trial 0 is tried again") == 2 and SECRET not in log


def test_pictures_and_the_best_weights_lie_in_the_bucket_and_nothing_else(search: Search, bucket: str) -> None:
    opened = search.create(6, epochs=2, study="pruner = 'none'")
    assert search.run(2) == 0
    trials = in_state(opened, TrialState.COMPLETE)
    pictures = {meta.artifact_id for t in trials for meta in get_all_artifact_meta(t, storage=search.db.storage)}
    weights = {f"weights/fake/{trial.number}.keras" for trial in leaderboard(opened.study, 3)}
    assert len(pictures) == 6 and bucket_contents(bucket).keys() == pictures | weights
    assert not (search.folder / "run" / "artifacts").exists()


@pytest.mark.slow
def test_a_backup_of_a_bucket_is_restored_to_a_folder(place: Path, bucket: str) -> None:
    finish("run", "search.toml", *FAKE.split(), cwd=place, UNET_SEARCH_ARTIFACTS=bucket)
    before = bucket_contents(bucket)
    (listed,) = studies(place, UNET_SEARCH_ARTIFACTS=bucket)
    assert listed["artifact_bytes"] == sum(map(len, before.values())) > 0
    finish("db", "backup", "kept.zip", cwd=place, UNET_SEARCH_ARTIFACTS=bucket)
    finish("study", "delete", "fake", "--yes", cwd=place, UNET_SEARCH_ARTIFACTS=bucket)
    assert bucket_contents(bucket) == {}
    finish("db", "restore", "kept.zip", cwd=place)
    assert contents(place / "unet-search" / "artifacts") == before
    assert studies(place) == [listed]


def test_what_cannot_be_used_is_refused_with_one_line(place: Path, bucket: str) -> None:
    refuse(
        f"run search.toml {FAKE}",
        "got s3://no-such-bucket/ .*NoSuchBucket",
        place,
        UNET_SEARCH_ARTIFACTS="s3://no-such-bucket",
    )


def test_the_doctor_looks_at_the_bucket(place: Path, bucket: str) -> None:
    assert doctor(place, bucket) == ("ok", f"{bucket}/ can be written")
    deny(bucket, "s3:PutObject")
    state, text = doctor(place, bucket)
    assert state == "problem" and text.startswith(f"the bucket must be readable and writable; got {bucket}/ (")


def doctor(folder: Path, url: str) -> tuple[str, str]:
    """What it says of the artifacts; the backend is one that dies at once."""
    package = folder / "broken" / "tensorflow"
    package.mkdir(parents=True, exist_ok=True)
    (package / "__init__.py").write_text("import os\nos.abort()\n")
    done = call("doctor --json", folder, UNET_SEARCH_ARTIFACTS=url, PYTHONPATH=str(package.parent))
    (found,) = [check for check in json.loads(done.out)["checks"] if check["name"] == "artifacts"]
    return found["state"], found["text"]


def studies(folder: Path, **environ: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(finish("study", "list", "--json", cwd=folder, **environ))["studies"]
    return found


def cause(trial: FrozenTrial) -> str:
    return str(trial.user_attrs["cause"])
