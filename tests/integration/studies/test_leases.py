"""The budget is never exceeded, and an interrupted trial is handed on to another worker."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import uuid4

import optuna
import pytest
from optuna.trial import TrialState
from sqlalchemy import text

from storage.database.connection import Database
from storage.errors import LeaseLost, StorageError
from storage.studies.configurations import count_configurations, take_configuration
from storage.studies.leases import (
    Budget,
    bind_trial,
    budget_left,
    close_slot,
    is_held,
    may_claim,
    release,
    release_owner,
    renew,
)
from storage.studies.study import resume_study, set_budget, stop_study
from tests.integration.studies.claims import A, B, begin_trial, claim, end_leases


def count_slots(db: Database) -> int:
    with db.engine.connect() as connection:
        return int(connection.scalar(text("select count(*) from unet_search_slots")) or 0)


def test_a_first_claim_is_a_new_slot(db: Database, study: optuna.Study) -> None:
    taken = claim(db, study, A)
    assert taken is not None and taken.trial_id is None and is_held(db, taken, A) and not is_held(db, taken, B)


def test_eight_workers_finish_exactly_the_budget(db: Database, study: optuna.Study) -> None:
    def work(index: int) -> None:
        owner = uuid4()
        while budget_left(db, study._study_id) != Budget(0, 0):
            taken = claim(db, study, owner)
            if taken is None:
                continue
            trial = study.ask()
            taken = bind_trial(db, taken, trial._trial_id)
            if (index + trial.number) % 4 == 1:  # a duplicate: another draw in the same slot
                study.tell(trial, state=TrialState.FAIL)
                trial = study.ask()
                taken = bind_trial(db, taken, trial._trial_id)
            trial.report(0.5, 1)
            seen = [t.state for t in study.get_trials(deepcopy=False)]
            assert sum(state != TrialState.FAIL for state in seen) <= 10
            study.tell(trial, *((None, TrialState.PRUNED) if trial.number % 3 == 0 else (1.0, None)))
            close_slot(db, taken, owner)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    states = [trial.state for trial in study.trials]
    assert sum(state in (TrialState.COMPLETE, TrialState.PRUNED) for state in states) == 10
    assert TrialState.RUNNING not in states and count_slots(db) == 0


def test_a_spent_budget_has_no_slot(db: Database, study: optuna.Study) -> None:
    set_budget(db, study._study_id, 1)
    assert claim(db, study, A) is not None
    assert claim(db, study, B) is None
    assert budget_left(db, study._study_id) == Budget(free=0, running=1)


def test_a_larger_budget_opens_the_study_again(db: Database, study: optuna.Study) -> None:
    set_budget(db, study._study_id, 0)
    assert claim(db, study, A) is None
    set_budget(db, study._study_id, 2)
    assert claim(db, study, A) is not None


def test_a_failed_trial_does_not_count_to_the_budget(db: Database, study: optuna.Study) -> None:
    set_budget(db, study._study_id, 1)
    taken, trial = begin_trial(db, study, A)
    study.tell(trial, state=TrialState.FAIL)
    assert claim(db, study, B) is None  # its worker may draw again
    close_slot(db, taken, A)
    assert claim(db, study, B) is not None


def test_a_waiting_trial_counts_from_its_ask(db: Database, study: optuna.Study) -> None:
    set_budget(db, study._study_id, 1)
    study.enqueue_trial({"x": 1})
    assert budget_left(db, study._study_id) == Budget(free=1, running=0)
    _, trial = begin_trial(db, study, A)
    assert trial.number == 0
    assert claim(db, study, B) is None


def test_a_live_slot_is_not_taken_over(db: Database, study: optuna.Study) -> None:
    _, trial = begin_trial(db, study, A)
    other = claim(db, study, B)
    assert other is not None and other.trial_id != trial._trial_id


def test_an_expired_trial_is_handed_on_even_beyond_the_budget(db: Database, study: optuna.Study) -> None:
    late, trial = begin_trial(db, study, A)
    set_budget(db, study._study_id, 0)
    end_leases(db)
    taken = claim(db, study, B)
    assert taken is not None and taken.trial_id == trial._trial_id and taken.slot != late.slot


def test_a_late_worker_has_lost_its_slot(db: Database, study: optuna.Study) -> None:
    late, _ = begin_trial(db, study, A)
    end_leases(db)
    taken = claim(db, study, B)
    assert taken is not None and is_held(db, taken, B)
    assert not is_held(db, late, A) and renew(db, A) == 0
    with pytest.raises(LeaseLost):
        bind_trial(db, late, study.ask()._trial_id)
    close_slot(db, late, A)
    release(db, late, A)
    assert is_held(db, taken, B)


def test_an_expired_lease_can_be_renewed_until_the_slot_is_taken_over(db: Database, study: optuna.Study) -> None:
    taken, trial = begin_trial(db, study, A)
    end_leases(db)
    assert is_held(db, taken, A)
    assert renew(db, A) == 1
    other = claim(db, study, B)
    assert other is not None and other.trial_id != trial._trial_id


def test_a_lease_expires(db: Database, study: optuna.Study) -> None:
    _, trial = begin_trial(db, study, A, lease_s=0.0)
    taken = claim(db, study, B)
    assert taken is not None and taken.trial_id == trial._trial_id


def test_a_released_trial_is_handed_on_at_once(db: Database, study: optuna.Study) -> None:
    taken, trial = begin_trial(db, study, A)
    trial.suggest_float("x", 0, 1)
    trial.report(0.25, 1)
    release(db, taken, A)
    assert not is_held(db, taken, A)
    again = claim(db, study, B)
    assert again is not None and again.trial_id == trial._trial_id
    same = optuna.Trial(study, again.trial_id)
    assert same.number == trial.number and same.params == trial.params


def test_all_slots_of_a_dead_owner_are_released(db: Database, study: optuna.Study) -> None:
    _, trial = begin_trial(db, study, A)
    claim(db, study, A)  # it died before ask
    release_owner(db, A)
    assert budget_left(db, study._study_id) == Budget(free=9, running=1)
    again = claim(db, study, B)
    assert again is not None and again.trial_id == trial._trial_id


def test_an_unbound_slot_is_deleted_when_its_lease_expires(db: Database, study: optuna.Study) -> None:
    set_budget(db, study._study_id, 1)
    late = claim(db, study, A)
    end_leases(db)
    assert claim(db, study, B) is not None
    assert late is not None and not is_held(db, late, A)


def test_it_is_known_without_the_lock_whether_there_is_something_to_claim(db: Database, study: optuna.Study) -> None:
    set_budget(db, study._study_id, 1)
    assert may_claim(db, study._study_id)
    taken, trial = begin_trial(db, study, A)
    assert not may_claim(db, study._study_id)
    release(db, taken, A)
    assert may_claim(db, study._study_id)  # the trial is handed on
    again = claim(db, study, B)
    assert again is not None and not may_claim(db, study._study_id)
    end_leases(db)
    assert may_claim(db, study._study_id)
    surplus = study.ask()
    study.tell(trial, 1.0)
    assert may_claim(db, study._study_id)  # there is a trial to be failed
    assert claim(db, study, B) is None and study.trials[surplus.number].state == TrialState.FAIL
    assert not may_claim(db, study._study_id)
    set_budget(db, study._study_id, 2)
    assert may_claim(db, study._study_id)
    stop_study(db, study._study_id, "asked to")
    assert not may_claim(db, study._study_id)


def test_slots_of_finished_trials_are_deleted(db: Database, study: optuna.Study) -> None:
    _, trial = begin_trial(db, study, A)
    study.tell(trial, 1.0)
    taken = claim(db, study, B)
    assert taken is not None and taken.trial_id is None and count_slots(db) == 1


def test_a_stopped_study_has_no_slot_until_it_is_resumed(db: Database, study: optuna.Study) -> None:
    taken, _ = begin_trial(db, study, A)
    release(db, taken, A)
    stop_study(db, study._study_id, "asked to")
    assert claim(db, study, B) is None
    resume_study(db, study._study_id)
    assert claim(db, study, B) is not None


def test_a_study_without_budget_is_refused(db: Database, study: optuna.Study) -> None:
    other = optuna.create_study(study_name="bare", storage=db.storage)
    with pytest.raises(StorageError, match="number of trials"):
        claim(db, other, A)
    with pytest.raises(StorageError, match="number of trials"):
        budget_left(db, other._study_id)


def test_studies_do_not_share_their_budgets(db: Database, study: optuna.Study) -> None:
    other = optuna.create_study(study_name="venus", storage=db.storage)
    set_budget(db, other._study_id, 1)
    other.ask()
    taken = claim(db, study, A)
    assert taken is not None and taken.trial_id is None
    assert budget_left(db, other._study_id) == Budget(free=0, running=1)


def test_a_configuration_is_assigned_to_one_trial(db: Database, study: optuna.Study) -> None:
    first, second = study.ask()._trial_id, study.ask()._trial_id
    with db.engine.begin() as connection:
        takes = [take_configuration(connection, study._study_id, "abc", trial) for trial in (first, first, second)]
    assert takes == [True, True, False]
    assert count_configurations(db, study._study_id) == 1


def test_rows_are_deleted_with_their_study(db: Database, study: optuna.Study) -> None:
    _, trial = begin_trial(db, study, A)
    with db.engine.begin() as connection:
        take_configuration(connection, study._study_id, "abc", trial._trial_id)
    optuna.delete_study(study_name="mars", storage=db.storage)
    with db.engine.connect() as connection:
        for table in ("studies", "slots", "configurations"):
            assert connection.scalar(text(f"select count(*) from unet_search_{table}")) == 0


def test_closing_another_slot_changes_nothing(db: Database, study: optuna.Study) -> None:
    taken, _ = begin_trial(db, study, A)
    close_slot(db, replace(taken, slot=uuid4()), A)
    assert is_held(db, taken, A)
