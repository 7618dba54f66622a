"""Failures in a row are counted for each worker and each host."""

from datetime import datetime, timedelta
from uuid import uuid4

import optuna
import pytest
from optuna.trial import TrialState
from sqlalchemy import text

from search.study.failures import MAX_FAILURES, stop_after_failures
from storage.database.connection import Database
from storage.studies.failures import host_of, read_streaks
from storage.studies.leases import claim_slot
from storage.studies.study import STOP_NOW, resume_study, stop_reason, stop_study

BEGUN = datetime(2026, 1, 1)
SET_END = text("update trials set datetime_complete = :at where trial_id = :trial_id")


def finish(db: Database, study: optuna.Study, worker: str, outcomes: str) -> None:
    """Trials of a worker, one after the other: + complete, - failed, p pruned, m without memory, d duplicate."""
    causes = {"-": "OSError: no disk", "m": "out of memory", "d": "duplicate"}
    for outcome in outcomes:
        trial = study.ask()
        trial.set_user_attr("worker", worker)
        if outcome in causes:
            trial.set_user_attr("cause", causes[outcome])
        state = {"+": TrialState.COMPLETE, "-": TrialState.FAIL, "d": TrialState.FAIL}.get(outcome, TrialState.PRUNED)
        study.tell(trial, 0.5 if outcome == "+" else None, state)
        with db.engine.begin() as connection:
            at = BEGUN + timedelta(minutes=trial.number)
            connection.execute(SET_END, {"at": at, "trial_id": trial._trial_id})


@pytest.mark.parametrize(
    ("outcomes", "failures"),
    [("", 0), ("---", 3), ("--+--", 2), ("--p-", 1), ("--m--", 4), ("-d-d-", 3), ("---+", 0), ("m", 0)],
)
def test_a_streak_ends_with_a_trial_that_went_well(
    db: Database, study: optuna.Study, outcomes: str, failures: int
) -> None:
    finish(db, study, "mars:0", outcomes)
    streak = read_streaks(db, study._study_id).of("mars:0")
    assert streak.failures == failures
    assert streak.cause == ("OSError: no disk" if failures else "")


def test_a_host_has_the_failures_of_all_its_workers(db: Database, study: optuna.Study) -> None:
    for worker in ("mars:0", "mars:1", "venus:0", "mars:0"):
        finish(db, study, worker, "-")
    streaks = read_streaks(db, study._study_id)
    assert {name: streak.failures for name, streak in streaks.hosts.items()} == {"mars": 3}
    assert streaks.of("mars:1").failures == 3 and streaks.of("pluto:0").failures == 0


def test_a_worker_that_fails_alone_is_found_beside_good_ones_of_its_host(db: Database, study: optuna.Study) -> None:
    for _ in range(MAX_FAILURES):
        finish(db, study, "mars:0", "+")
        finish(db, study, "mars:1", "-")
    streaks = read_streaks(db, study._study_id)
    assert streaks.of("mars:1").failures == MAX_FAILURES and streaks.of("mars:0").failures <= 1


@pytest.mark.parametrize(("worker", "host"), [("mars:0", "mars"), ("a:b:12", "a:b"), ("mars", "mars")])
def test_a_host_is_what_stands_before_the_workers_number(worker: str, host: str) -> None:
    assert host_of(worker) == host


def at_work(db: Database, study: optuna.Study, *workers: str) -> None:
    for worker in workers:
        assert claim_slot(db, study._study_id, uuid4(), worker) is not None


def test_a_host_out_of_order_stops_and_the_study_goes_on(db: Database, study: optuna.Study) -> None:
    at_work(db, study, "mars:0", "venus:0")
    finish(db, study, "venus:0", "+")
    finish(db, study, "mars:0", "-" * (MAX_FAILURES - 1))
    assert stop_after_failures(db, study._study_id, "mars:0") is None
    finish(db, study, "mars:0", "-")
    reason = stop_after_failures(db, study._study_id, "mars:0")
    assert reason == f"{MAX_FAILURES} trials in a row failed, the last one with: OSError: no disk"
    assert stop_reason(db, study._study_id) is None
    assert stop_after_failures(db, study._study_id, "venus:0") is None


def test_one_worker_out_of_order_stops_no_other_of_its_host(db: Database, study: optuna.Study) -> None:
    at_work(db, study, "mars:1")  # in its first trial
    finish(db, study, "mars:0", "-" * MAX_FAILURES)
    assert stop_after_failures(db, study._study_id, "mars:0") is not None
    assert stop_after_failures(db, study._study_id, "mars:1") is None
    assert stop_reason(db, study._study_id) is None


def test_a_host_between_two_trials_is_not_forgotten(db: Database, study: optuna.Study) -> None:
    finish(db, study, "mars:0", "-" * (MAX_FAILURES - 1))
    finish(db, study, "venus:0", "+")
    finish(db, study, "mars:0", "-")
    assert stop_after_failures(db, study._study_id, "mars:0") is not None
    assert stop_reason(db, study._study_id) is None


def test_the_study_stops_when_every_host_fails(db: Database, study: optuna.Study) -> None:
    at_work(db, study, "mars:0", "venus:0")
    finish(db, study, "mars:0", "-" * MAX_FAILURES)
    finish(db, study, "venus:0", "-" * MAX_FAILURES)
    reason = stop_after_failures(db, study._study_id, "venus:0")
    assert reason is not None and stop_reason(db, study._study_id) == reason


def test_what_a_person_said_is_not_overwritten(db: Database, study: optuna.Study) -> None:
    stop_study(db, study._study_id, STOP_NOW)
    finish(db, study, "mars:0", "-" * MAX_FAILURES)
    assert stop_after_failures(db, study._study_id, "mars:0") is not None
    assert stop_reason(db, study._study_id) == STOP_NOW


def test_after_resume_earlier_failures_count_no_more(db: Database, study: optuna.Study) -> None:
    finish(db, study, "mars:0", "-" * MAX_FAILURES)
    stop_after_failures(db, study._study_id, "mars:0")
    resume_study(db, study._study_id)
    assert stop_after_failures(db, study._study_id, "mars:0") is None
    finish(db, study, "mars:0", "-" * (MAX_FAILURES - 1))
    assert stop_after_failures(db, study._study_id, "mars:0") is None
    finish(db, study, "mars:0", "-")
    assert stop_after_failures(db, study._study_id, "mars:0") is not None
