"""What goes wrong while a trial is trained: it is tried again or handed on, and its curve has each epoch once."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest
from optuna.trial import TrialState
from sqlalchemy import create_engine, make_url, text

from search.reconnect import connect_waiting
from storage.errors import StorageError
from tests.e2e.conftest import Search, in_state, soon

EPOCHS = [1, 2, 3, 4, 5, 6]
FAULTY = "tests.faulty_train:"


@pytest.fixture(autouse=True)
def quick_restarts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.supervisor.process.FIRST_PAUSE_S", 0.01)


def log(search: Search) -> str:
    path = search.log
    return path.read_text() if path.exists() else ""


def test_a_trial_that_gets_further_is_tried_again_each_time(search: Search) -> None:
    opened = search.create(1)
    assert search.run(1, FAULTY + "stumbling_trainer") == 0
    (trial,) = opened.study.get_trials()
    assert trial.state == TrialState.COMPLETE and sorted(trial.intermediate_values) == EPOCHS
    assert log(search).count("trial 0 is tried again: retry 1 of 2") == 6
    assert trial.user_attrs["retries"] == 0


def test_a_trial_fails_after_two_retries_and_leaves_its_place_to_another(search: Search) -> None:
    opened = search.create(1)
    assert search.run(1, "failing_trainer") == 3
    assert log(search).count("trial 0 is tried again") == 2
    assert [trial.user_attrs["cause"] for trial in opened.study.get_trials()] == ["OSError: the disk is not there"] * 5


def test_another_worker_does_not_count_the_retries_anew(search: Search) -> None:
    opened = search.create(1)
    opened.study.ask().set_user_attr("retries", 2)  # as the worker before left it
    assert search.run(1, "failing_trainer") == 3
    assert "trial 0 is tried again" not in log(search) and "trial 1 is tried again" in log(search)


@pytest.mark.parametrize("trainer", ["diverging_trainer", "hungry_trainer"])
def test_what_would_end_the_same_way_is_not_tried_again(search: Search, trainer: str) -> None:
    search.create(1)
    assert search.run(1, trainer) == 0
    assert "is tried again" not in log(search)


def test_the_pause_before_a_retry_ends_with_the_search(search: Search) -> None:
    opened = search.create(1)
    told: list[float] = []

    def stop() -> None:
        told.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGTERM)

    soon(lambda: "is tried again" in log(search), stop)
    assert search.run(1, FAULTY + "pausing_trainer") == 143
    assert time.monotonic() - told[0] < 5
    assert [trial.user_attrs["starts"] for trial in in_state(opened, TrialState.RUNNING)] == [0]


def test_a_damaged_checkpoint_costs_its_epochs_alone(search: Search) -> None:
    opened = search.create(1)
    opened.study.ask().report(0.25, 1)
    checkpoint = search.folder / "run" / "artifacts" / "checkpoints" / "fake" / "0"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_text("[{")
    assert search.run(1, FAULTY + "impatient_trainer") == 0
    (trial,) = opened.study.get_trials()
    assert trial.state == TrialState.COMPLETE and sorted(trial.intermediate_values) == EPOCHS
    assert trial.intermediate_values[1] == 0.25
    assert not checkpoint.exists()


def test_a_worker_that_hangs_is_killed_and_its_trial_handed_on(search: Search) -> None:
    opened = search.create(1)
    assert search.run(1, FAULTY + "briefly_hanging_trainer") == 0
    (trial,) = opened.study.get_trials()
    assert trial.state == TrialState.COMPLETE and sorted(trial.intermediate_values) == EPOCHS
    assert log(search).count("is killed: no batch for") == 1


@pytest.mark.slow
def test_a_trial_that_hangs_at_the_same_place_fails(search: Search) -> None:
    """Though each worker repeats the epochs before it."""
    opened = search.create(1)
    assert search.run(1, FAULTY + "hanging_trainer") == 0
    hung, other = opened.study.get_trials()
    assert hung.state == TrialState.FAIL and hung.user_attrs["cause"] == "kills its worker"
    assert sorted(hung.intermediate_values) == [1, 2]
    assert other.state == TrialState.COMPLETE
    assert log(search).count("is killed: no batch for") == 2


@pytest.mark.slow
def test_waiting_for_a_slot_is_no_hang(search: Search, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_EPOCH_S", "0.4")
    opened = search.create(1)
    assert search.run(2, FAULTY + "briefly_hanging_trainer") == 0
    logs = Path(search.folder / "run" / "logs").glob("worker-*.log")
    assert sum(log.read_text().count("is killed") for log in logs) == 1  # the one that trained
    assert [trial.state for trial in opened.study.get_trials()] == [TrialState.COMPLETE]


def test_a_repeated_epoch_keeps_its_first_value(search: Search, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_EPOCH_S", "0.15")
    opened = search.create(1)
    seen: dict[int, float] = {}

    def kill() -> None:
        (trial,) = in_state(opened, TrialState.RUNNING)
        seen.update(trial.intermediate_values)
        os.kill(int(log(search).rpartition(", process ")[2].split()[0]), signal.SIGKILL)

    soon(lambda: any((trial.last_step or 0) >= 3 for trial in in_state(opened, TrialState.RUNNING)), kill)
    assert search.run(1, FAULTY + "forgetful_trainer") == 0
    (trial,) = opened.study.get_trials()
    assert len(seen) >= 3 and seen.items() <= trial.intermediate_values.items()
    assert sorted(trial.intermediate_values) == EPOCHS


def test_a_worker_that_starts_while_the_database_is_away_waits_for_it(search: Search, server_url: str) -> None:
    name, never = make_url(search.db.url).database, threading.Event()
    search.db.close()
    server = create_engine(server_url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f'alter database "{name}" rename to "{name}_away"'))
        with pytest.raises(StorageError, match="the database must answer"):
            connect_waiting(search.db.url, never, 0.1)
        back = text(f'alter database "{name}_away" rename to "{name}"')
        timer = threading.Timer(1.0, lambda: connection.execute(back))
        timer.start()
        connect_waiting(search.db.url, never).close()
        timer.join()
    server.dispose()
