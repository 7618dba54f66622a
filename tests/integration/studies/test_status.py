"""Figures that are read by SQL equal Optuna's."""

import subprocess
import sys
from uuid import uuid4

import optuna
import pytest
from optuna.trial import TrialState

from storage.database.connection import Database
from storage.studies.attributes import TrialAttributes
from storage.studies.leases import bind_trial, claim_slot
from storage.studies.status import Counts, count_waiting, study_status
from storage.studies.study import freeze_question


def test_an_empty_study_has_figures(db: Database, study: optuna.Study) -> None:
    status = study_status(db, study._study_id)
    assert (status.counts, status.leaders, status.best, status.running) == (Counts(), (), None, ())
    assert status.mean_trial_s is None and status.device_s == 0 and status.question == {}


def test_counts_and_best_equal_optunas(db: Database, study: optuna.Study) -> None:
    for value in (0.25, 0.75, 0.75, float("inf"), float("-inf"), 0.5):
        trial = study.ask()
        trial.set_user_attr("iou", [value if value < 1 else None, None])
        study.tell(trial, value)
    study.tell(study.ask(), state=TrialState.PRUNED)
    study.tell(study.ask(), state=TrialState.FAIL)
    duplicate = study.ask()
    duplicate.set_user_attr("cause", "duplicate")
    study.tell(duplicate, state=TrialState.FAIL)
    study.enqueue_trial({"x": 1})

    status = study_status(db, study._study_id)
    assert status.counts == Counts(complete=6, pruned=1, running=0, waiting=1, failed=1)
    assert status.best is not None
    assert (status.best.number, status.best.value) == (1, 0.75)  # infinite values do not count
    assert status.best.attributes == TrialAttributes(iou=(0.75, None))


def test_leaders_are_the_five_best_complete_trials(db: Database, study: optuna.Study) -> None:
    for value in (0.2, 0.6, 0.1, 0.6, 0.3, 0.4, 0.5):
        trial = study.ask()
        trial.set_user_attr("name", f"start {trial.number}")
        study.tell(trial, value)
    pruned = study.ask()
    pruned.report(0.9, 1)
    study.tell(pruned, state=TrialState.PRUNED)
    status = study_status(db, study._study_id)
    assert [trial.number for trial in status.leaders] == [1, 3, 6, 5, 4]
    assert status.best == status.leaders[0] and status.leaders[2].name == "start 6"


def test_the_mean_iou_stands_beside_the_value_of_another_metric(db: Database, study: optuna.Study) -> None:
    question = {"train.metric": "dice", "train.data.classes": 2}
    freeze_question(db, study._study_id, question)
    older, newer = study.ask(), study.ask()
    study.tell(older, 0.5)
    newer.set_user_attr("miou", 0.25)
    study.tell(newer, 0.4)
    status = study_status(db, study._study_id)
    assert status.question == question
    assert [(trial.value, trial.miou) for trial in status.leaders] == [(0.5, 0.5), (0.4, 0.25)]


def test_waiting_trials_are_counted(db: Database, study: optuna.Study) -> None:
    study.enqueue_trial({"x": 1})
    study.enqueue_trial({"x": 2})
    study.ask()
    assert count_waiting(db, study._study_id) == 1


def test_device_time_is_what_workers_wrote(db: Database, study: optuna.Study) -> None:
    """Not the time between start and end, in which a trial may have been interrupted for a night."""
    for state, seconds in ((TrialState.COMPLETE, 10.0), (TrialState.PRUNED, 4.0), (TrialState.FAIL, 1.5)):
        trial = study.ask()
        trial.set_user_attr("device_s", seconds)
        study.tell(trial, 0.5 if state == TrialState.COMPLETE else None, state=state)
    study.ask().set_user_attr("device_s", 2.25)
    study.ask()
    status = study_status(db, study._study_id)
    assert status.device_s == 17.75
    assert status.mean_trial_s == 7.0
    assert [trial.device_s for trial in status.running] == [2.25, 0.0]


def test_running_trials_show_worker_and_last_report(db: Database, study: optuna.Study) -> None:
    claim = claim_slot(db, study._study_id, uuid4(), "host:0")
    trial, unreported, diverged = study.ask(), study.ask(), study.ask()
    assert claim is not None
    bind_trial(db, claim, trial._trial_id)
    for step, value in ((1, 0.5), (2, 0.75), (10, 0.25)):
        trial.report(value, step)
    unreported.set_user_attr("name", "final_model")
    diverged.report(float("nan"), 1)

    first, second, third = study_status(db, study._study_id).running
    assert (first.number, first.worker, first.epoch, first.value, first.best_value) == (0, "host:0", 10, 0.25, 0.75)
    assert (second.number, second.worker, second.epoch, second.value) == (unreported.number, None, None, None)
    assert (first.name, second.name) == (None, "final_model")
    assert (third.epoch, third.value, third.best_value) == (1, None, None)


def test_status_does_not_load_optuna(db: Database, study: optuna.Study) -> None:
    code = (
        "import sys; from storage.database.connection import connect; from storage.studies.status import study_status;"
        "study_status(connect(sys.argv[1]), int(sys.argv[2])); assert 'optuna' not in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code, db.url, str(study._study_id)], check=True)


@pytest.mark.parametrize("time", ["no number", None, True, [1], {"s": 1}, float("inf"), float("nan"), -1e999, 1e300])
def test_a_time_that_is_none_hides_no_other_figure(db: Database, study: optuna.Study, time: object) -> None:
    """Another program may have written it; `study list` shows the figures of all studies."""
    trial = study.ask()
    trial.set_user_attr("device_s", time)
    study.tell(trial, 0.5)
    study.ask().set_user_attr("device_s", 2.25)
    status = study_status(db, study._study_id)
    assert status.counts.complete == 1 and status.device_s == 2.25
