"""Faults while a trial is trained: it is tried again or handed on, and its curve has each epoch once."""

import os
import signal
import threading
from pathlib import Path
from time import monotonic

import pytest
from optuna.trial import TrialState
from sqlalchemy import create_engine, make_url, text

from search.reconnect import connect_waiting
from search.worker.contract import GRACE_S
from storage.errors import StorageError
from tests.e2e.conftest import Search, act_when, trials_in
from tests.fake_train import Pause

EPOCHS = [1, 2, 3, 4, 5, 6]
FAULTY = "tests.faulty_train:"


@pytest.fixture(autouse=True)
def quick_restarts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.supervisor.process.FIRST_PAUSE_S", 0.01)


def test_a_trial_that_gets_further_is_tried_again_each_time(search: Search) -> None:
    opened = search.create_study(1)
    assert search.run(1, FAULTY + "make_stumbling_trainer") == 0
    (trial,) = opened.study.get_trials()
    assert trial.state == TrialState.COMPLETE and sorted(trial.intermediate_values) == EPOCHS
    assert search.read_log().count("trial 0 is tried again: retry 1 of 2") == 6
    assert trial.user_attrs["retries"] == 0


def test_the_pause_before_a_retry_ends_with_the_search(search: Search) -> None:
    opened = search.create_study(1)
    stopped_at: list[float] = []

    def stop() -> None:
        stopped_at.append(monotonic())
        os.kill(os.getpid(), signal.SIGTERM)

    act_when(lambda: "is tried again" in search.read_log(), stop)
    assert search.run(1, FAULTY + "make_late_retrying_trainer") == 128 + signal.SIGTERM
    assert monotonic() - stopped_at[0] < GRACE_S  # after which the worker is killed
    assert "trial 0 is handed on" in search.read_log()
    assert [trial.user_attrs["starts"] for trial in trials_in(opened, TrialState.RUNNING)] == [0]


def test_a_damaged_checkpoint_costs_its_epochs_alone(search: Search) -> None:
    opened = search.create_study(1)
    opened.study.ask().report(0.25, 1)
    checkpoint = search.artifacts / "checkpoints" / "fake" / "0"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_text("[{")
    assert search.run(1, FAULTY + "make_soon_retrying_trainer") == 0
    (trial,) = opened.study.get_trials()
    assert trial.state == TrialState.COMPLETE and sorted(trial.intermediate_values) == EPOCHS
    assert trial.intermediate_values[1] == 0.25
    assert not checkpoint.exists()


def test_a_worker_that_hangs_is_killed_and_its_trial_handed_on(search: Search) -> None:
    opened = search.create_study(1)
    assert search.run(1, FAULTY + "make_trainer_that_hangs_once") == 0
    (trial,) = opened.study.get_trials()
    assert trial.state == TrialState.COMPLETE and sorted(trial.intermediate_values) == EPOCHS
    assert search.read_log().count("is killed: no batch for") == 1


@pytest.mark.slow
def test_a_trial_that_hangs_at_the_same_place_fails(search: Search) -> None:
    """Though each worker repeats the epochs before it."""
    opened = search.create_study(1)
    assert search.run(1, FAULTY + "make_hanging_trainer") == 0
    hung, other = opened.study.get_trials()
    assert hung.state == TrialState.FAIL and hung.user_attrs["cause"] == "kills its worker"
    assert sorted(hung.intermediate_values) == [1, 2]
    assert other.state == TrialState.COMPLETE
    assert search.read_log().count("is killed: no batch for") == 2


@pytest.mark.slow
def test_waiting_for_a_slot_is_no_hang(search: Search, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_EPOCH_S", "1.0")
    opened = search.create_study(1)
    assert search.run(2, FAULTY + "make_trainer_that_hangs_once") == 0
    assert sum(search.read_log(slot).count("is killed") for slot in range(2)) == 1  # the one that trained
    assert [trial.state for trial in opened.study.get_trials()] == [TrialState.COMPLETE]


def test_a_repeated_epoch_has_its_first_value(search: Search, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pause = Pause(tmp_path, epoch=3)
    monkeypatch.setenv("FAKE_PAUSE", pause.environ["FAKE_PAUSE"])
    opened = search.create_study(1)
    before: dict[int, float] = {}

    def kill() -> None:
        before.update(opened.study.get_trials()[0].intermediate_values)
        os.kill(search.worker_pid(), signal.SIGKILL)
        pause.end()

    act_when(lambda: pause.is_reached(0), kill)
    assert search.run(1, FAULTY + "make_trainer_without_checkpoint") == 0
    (trial,) = opened.study.get_trials()
    assert sorted(before) == [1, 2, 3] and before.items() <= trial.intermediate_values.items()
    assert sorted(trial.intermediate_values) == EPOCHS


def test_results_that_cannot_be_stored_cost_no_trial(search: Search) -> None:
    opened = search.create_study(1, epochs=2)
    assert search.run(1, FAULTY + "make_trainer_without_results") == 0
    assert [trial.state for trial in opened.study.get_trials()] == [TrialState.COMPLETE]
    log = search.read_log()
    assert "has no note: RuntimeError: no words" in log
    assert "trial 0 keeps no weights: OSError: no space left" in log


def test_a_worker_that_starts_while_the_database_is_away_waits_for_it(search: Search, server_url: str) -> None:
    name, stop = make_url(search.db.url).database, threading.Event()
    search.db.close()
    server = create_engine(server_url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f'alter database "{name}" rename to "{name}_away"'))
        with pytest.raises(StorageError, match="the database must answer"):
            connect_waiting(search.db.url, stop, 0.1)
        back = text(f'alter database "{name}_away" rename to "{name}"')
        timer = threading.Timer(1.0, lambda: connection.execute(back))
        timer.start()
        connect_waiting(search.db.url, stop).close()
        timer.join()
    server.dispose()
