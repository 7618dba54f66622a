"""A search whose artifacts are in a bucket: nothing is lost, and nothing is left in a folder."""

import json
import os
import signal
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from optuna.artifacts import get_all_artifact_meta
from optuna.trial import TrialState

from search.study.leaderboard import leaderboard
from search.worker.contract import FAILURES
from storage.artifacts.keys import checkpoint_key
from storage.artifacts.store import open_artifacts
from storage.settings import Settings
from tests.bucket_server import SECRET, bucket_contents, deny
from tests.e2e.command import FAKE_WORKER, run_command, run_forked
from tests.e2e.conftest import Search, act_when, trials_in
from tests.e2e.refusal import assert_refused
from tests.fake_train import Pause
from tests.full_study import read_files, upload_file

EPOCHS = [1, 2, 3, 4, 5, 6]
FAULTY = "tests.faulty_train:"


@pytest.fixture
def bucket(bucket_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a bucket that every process uses."""
    monkeypatch.setenv("UNET_SEARCH_ARTIFACTS", bucket_url)
    monkeypatch.setattr("search.supervisor.process.FIRST_PAUSE_S", 0.01)
    return bucket_url


@pytest.fixture
def pause(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pause:
    """Training pauses after its second epoch; a logging trainer writes its epochs to `epochs.log`."""
    pause = Pause(tmp_path, epoch=2)
    monkeypatch.setenv("FAKE_PAUSE", pause.environ["FAKE_PAUSE"])
    monkeypatch.setenv("FAKE_EPOCH_LOG", str(tmp_path / "epochs.log"))
    return pause


def read_epochs(log: Path) -> list[list[int]]:
    """The epochs of trial 0 that each process trained, in their order."""
    lines = [line.split() for line in log.read_text().splitlines()]
    assert {trial for trial, _, _ in lines} == {"0"}
    return [[int(epoch) for _, epoch, _ in group] for _, group in groupby(lines, lambda line: line[2])]


def test_a_killed_workers_trial_goes_on_from_its_checkpoint(
    search: Search, bucket: str, pause: Pause, tmp_path: Path
) -> None:
    opened = search.create_study(1)

    def kill() -> None:
        os.kill(search.worker_pid(), signal.SIGKILL)
        pause.end()

    act_when(lambda: pause.is_reached(0), kill)
    assert search.run(1, FAULTY + "make_logging_trainer") == 0
    (trial,) = opened.study.get_trials()
    assert trial.state == TrialState.COMPLETE and sorted(trial.intermediate_values) == EPOCHS
    assert read_epochs(tmp_path / "epochs.log") == [EPOCHS[:2], EPOCHS[2:]]
    assert not [key for key in bucket_contents(bucket) if key.startswith("checkpoints/")]


def test_a_trial_that_is_handed_on_loses_no_epoch(search: Search, bucket: str, pause: Pause, tmp_path: Path) -> None:
    search.create_study(1)
    act_when(lambda: pause.is_reached(0), lambda: os.kill(os.getpid(), signal.SIGTERM))
    assert search.run(1, FAULTY + "make_late_saving_trainer") == 128 + signal.SIGTERM
    pause.end()
    assert search.run(1, FAULTY + "make_late_saving_trainer") == 0
    assert read_epochs(tmp_path / "epochs.log") == [EPOCHS[:2], EPOCHS[2:]]


def test_a_worker_that_lost_its_trial_leaves_the_others_checkpoint(search: Search, bucket: str) -> None:
    opened = search.create_study(1)
    act_when(lambda: "trial 0 is lost" in search.read_log(), lambda: os.kill(os.getpid(), signal.SIGTERM))
    assert search.run(1, FAULTY + "make_robbed_trainer") == 128 + signal.SIGTERM
    assert bucket_contents(bucket) == {"checkpoints/fake/0": b"another's"}
    (trial,) = trials_in(opened, TrialState.RUNNING)
    assert sorted(trial.intermediate_values) == [1, 2]


def test_a_damaged_checkpoint_costs_its_epochs_alone(search: Search, bucket: str) -> None:
    opened = search.create_study(1)
    opened.study.ask().report(0.25, 1)
    upload_file(open_artifacts(Settings(artifacts=bucket)), checkpoint_key("fake", 0), b"[{")
    assert search.run(1, FAULTY + "make_soon_retrying_trainer") == 0
    (trial,) = opened.study.get_trials()
    assert trial.state == TrialState.COMPLETE and sorted(trial.intermediate_values) == EPOCHS
    assert trial.intermediate_values[1] == 0.25


def test_checkpoints_that_are_refused_fail_their_trials_with_the_reason(search: Search, bucket: str) -> None:
    deny(bucket, "s3:PutObject", "*/checkpoints/*")
    opened = search.create_study(1)
    assert search.run(1, FAULTY + "make_soon_retrying_trainer") == FAILURES
    causes = [trial.user_attrs["cause"] for trial in trials_in(opened, TrialState.FAIL)]
    assert len(causes) == 5 and all("the bucket must be readable and writable" in cause for cause in causes)
    log = search.read_log()
    assert log.count("trial 0 is tried again") == 2 and SECRET not in log


def test_pictures_confusions_and_the_best_weights_are_in_the_bucket_and_nothing_else(
    search: Search, bucket: str
) -> None:
    opened = search.create_study(5, epochs=2, study="pruner = 'none'")
    assert search.run(1) == 0
    trials = trials_in(opened, TrialState.COMPLETE)
    pictures = {meta.artifact_id for t in trials for meta in get_all_artifact_meta(t, storage=search.db.storage)}
    weights = {f"weights/fake/{trial.number}.keras" for trial in leaderboard(opened.study, 3)}
    confusions = {f"confusions/fake/{trial.number}" for trial in trials}
    assert len(pictures) == 5 and bucket_contents(bucket).keys() == pictures | weights | confusions
    assert not search.artifacts.exists()


@pytest.mark.slow
def test_a_backup_of_a_bucket_is_restored_to_a_folder(input_folder: Path, bucket: str) -> None:
    run_command(f"run search.toml {FAKE_WORKER}", input_folder, UNET_SEARCH_ARTIFACTS=bucket).output()
    before = bucket_contents(bucket)
    (listed,) = list_studies(input_folder, UNET_SEARCH_ARTIFACTS=bucket)
    assert listed["artifact_bytes"] == sum(map(len, before.values())) > 0
    run_command("db backup backup.zip", input_folder, UNET_SEARCH_ARTIFACTS=bucket).output()
    run_command("study delete fake --yes", input_folder, UNET_SEARCH_ARTIFACTS=bucket).output()
    assert bucket_contents(bucket) == {}
    run_command("db restore backup.zip", input_folder).output()
    assert read_files(input_folder / "unet-search" / "artifacts") == before
    assert list_studies(input_folder) == [listed]


def test_a_bucket_that_does_not_exist_is_refused_with_one_line(input_folder: Path, bucket: str) -> None:
    words, url = "got s3://no-such-bucket/ .*NoSuchBucket", "s3://no-such-bucket"
    assert_refused(f"run search.toml {FAKE_WORKER}", words, input_folder, UNET_SEARCH_ARTIFACTS=url)


def test_the_doctor_writes_to_the_bucket(input_folder: Path, bucket: str) -> None:
    assert check_artifacts(input_folder, bucket) == ("ok", f"{bucket}/ can be written")
    deny(bucket, "s3:PutObject")
    state, text = check_artifacts(input_folder, bucket)
    assert state == "problem" and text.startswith(f"the bucket must be readable and writable; got {bucket}/ (")


def check_artifacts(folder: Path, url: str) -> tuple[str, str]:
    """State and text of the doctor's check of artifacts, with a backend that crashes, which is quick."""
    package = folder / "broken" / "tensorflow"
    package.mkdir(parents=True, exist_ok=True)
    (package / "__init__.py").write_text("import os\nos.abort()\n")
    done = run_forked("doctor --json", folder, UNET_SEARCH_ARTIFACTS=url, PYTHONPATH=str(package.parent))
    (check,) = [check for check in json.loads(done.out)["checks"] if check["name"] == "artifacts"]
    return check["state"], check["text"]


def list_studies(folder: Path, **environ: str) -> list[dict[str, Any]]:
    studies: list[dict[str, Any]] = json.loads(run_command("study list --json", folder, **environ).output())["studies"]
    return studies
