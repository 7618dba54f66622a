"""Hosts of one study: one that is out of order stops, the others finish its trials; clocks of all agree."""

import os
import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from optuna.trial import TrialState

from search.worker.contract import DONE, FAILURES
from storage.studies.study import stop_reason
from tests.e2e.command import COMMAND, make_environment
from tests.e2e.conftest import Search, trials_in

PATIENCE_S = 240
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a process another host's name")


def start_host(search: Search, name: str, trainer: str, **environ: str) -> "subprocess.Popen[str]":
    """Joins the study with one worker, as a host of that name."""
    run = search.folder / name
    line = f"{COMMAND} worker --workers 1 --device cpu --dir {run} --trainer tests.fake_train:{trainer}"
    command = ["unshare", "--uts", "sh", "-c", f"hostname {name} && exec {line}"]
    shared = {"DATABASE_URL": search.db.url, "UNET_SEARCH_ARTIFACTS": str(search.folder / "artifacts")}
    environ = make_environment(None, shared | environ)
    return subprocess.Popen(command, cwd=search.folder, env=environ, stderr=subprocess.PIPE, text=True)


@needs_root
def test_a_host_out_of_order_stops_beside_one_that_works(search: Search) -> None:
    opened = search.create_study(6, epochs=4, study="pruner = 'none'")
    with start_host(search, "works", "make_trainer", FAKE_EPOCH_S="0.5") as works:
        with start_host(search, "broken", "make_failing_trainer") as broken:
            _, said = broken.communicate(timeout=PATIENCE_S)
        assert broken.returncode == FAILURES
        line = "workers of this host stopped: 5 trials in a row failed here, the last one with: OSError: the disk is"
        assert said.splitlines()[-1].startswith(line)
        assert works.wait(PATIENCE_S) == DONE
    assert len(trials_in(opened, TrialState.COMPLETE)) == 6
    failed = trials_in(opened, TrialState.FAIL)
    assert [trial.user_attrs["worker"] for trial in failed] == ["broken:0"] * 5
    assert stop_reason(search.db, opened.study_id) is None


@needs_root
def test_a_host_that_stopped_begins_no_trial_until_the_study_is_resumed(search: Search) -> None:
    opened = search.create_study(20)
    with start_host(search, "broken", "make_failing_trainer") as broken:
        assert broken.wait(PATIENCE_S) == FAILURES
    assert "5 trials in a row failed" in str(stop_reason(search.db, opened.study_id))  # nobody else is at work
    assert len(opened.study.trials) == 5


def test_a_worker_out_of_order_stops_beside_another_of_its_host(
    search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The host goes on with the other, and ends well."""
    monkeypatch.setenv("FAKE_EPOCH_LOG", str(search.folder / "epochs.log"))
    opened = search.create_study(12, epochs=3, study="pruner = 'none'")
    assert search.run(2, "tests.faulty_train:make_trainer_failing_in_slot_0") == DONE
    assert "ends: 5 trials in a row failed" in search.read_log(0) and "every trial is done" in search.read_log(1)
    assert len(trials_in(opened, TrialState.COMPLETE)) == 12
    assert stop_reason(search.db, opened.study_id) is None


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/Los_Angeles"])
def test_times_are_in_utc_whatever_the_hosts_zone(search: Search, zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", zone)
    opened = search.create_study(1, epochs=1)
    assert search.run(1) == DONE
    (trial,) = opened.study.trials
    now = datetime.now(UTC).replace(tzinfo=None)
    for moment in (trial.datetime_start, trial.datetime_complete):
        assert moment is not None and abs(now - moment) < timedelta(minutes=10)
