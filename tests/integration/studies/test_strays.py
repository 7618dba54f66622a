"""Running trials without a slot: adopted where the budget has room, and failed where it has none."""

import optuna
import pytest
from optuna.trial import TrialState

from storage.database.connection import Database
from storage.errors import LeaseLost
from storage.studies.leases import Budget, bind_trial, budget_left
from storage.studies.status import study_status
from storage.studies.study import set_budget
from tests.integration.studies.claims import A, B, begin_trial, claim, end_leases


def test_a_trial_without_slot_is_adopted(db: Database, study: optuna.Study) -> None:
    slotless = study.ask()
    taken = claim(db, study, A)
    assert taken is not None and taken.trial_id == slotless._trial_id
    assert budget_left(db, study._study_id) == Budget(free=9, running=1)


def test_nothing_is_adopted_while_a_slot_is_unbound(db: Database, study: optuna.Study) -> None:
    taken = claim(db, study, A)
    trial = study.ask()
    other = claim(db, study, B)
    assert taken is not None and other is not None and other.trial_id is None
    assert bind_trial(db, taken, trial._trial_id).trial_id == trial._trial_id


def test_a_worker_that_asks_too_late_does_not_exceed_the_budget(db: Database, study: optuna.Study) -> None:
    set_budget(db, study._study_id, 1)
    late = claim(db, study, A)
    end_leases(db)
    _, trial = begin_trial(db, study, B)
    surplus = study.ask()
    assert late is not None
    with pytest.raises(LeaseLost):
        bind_trial(db, late, surplus._trial_id)
    assert claim(db, study, A) is None
    assert [t.state for t in study.trials] == [TrialState.RUNNING, TrialState.FAIL]
    assert trial.number == 0


@pytest.mark.parametrize(("trials", "left"), [(1, 0), (2, 1), (3, 2), (4, 2)])
def test_trials_of_lost_replies_fail_beyond_the_budget_and_are_adopted_within(
    db: Database, study: optuna.Study, trials: int, left: int
) -> None:
    """Optuna creates a trial twice when the reply to its commit is lost, and a worker may die before it binds one."""
    set_budget(db, study._study_id, trials)
    begin_trial(db, study, A)
    orphans = [study.ask().number, study.ask().number]
    taken = [found for found in (claim(db, study, B) for _ in range(5)) if found is not None]
    adopted = [study.trials[number].state for number in orphans].count(TrialState.RUNNING)
    assert adopted == left and len(taken) == trials - 1
    causes = {trial.user_attrs["cause"] for trial in study.trials if trial.state == TrialState.FAIL}
    assert causes == ({"surplus"} if left < 2 else set())
    assert study_status(db, study._study_id).counts.failed == 0


def test_an_unbound_slot_may_be_the_one_of_a_trial_that_seems_left_over(db: Database, study: optuna.Study) -> None:
    set_budget(db, study._study_id, 1)
    taken = claim(db, study, A)
    trial = study.ask()  # not bound yet
    assert claim(db, study, B) is None
    assert taken is not None and bind_trial(db, taken, trial._trial_id)
    assert study.trials[0].state == TrialState.RUNNING
