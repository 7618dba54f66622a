"""Every write of a running trial is refused once another worker has it, and repeated writes do nothing."""

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import optuna
import pytest
from optuna.artifacts import get_all_artifact_meta
from optuna.trial import FrozenTrial, TrialState
from optuna_dashboard import get_note

from search.study.outcome import Outcome
from search.worker.held_trial import HeldTrial
from storage.artifacts.interface import Artifacts
from storage.database.connection import Database
from storage.errors import LeaseLost
from storage.studies.attributes import TrialAttributes
from storage.studies.leases import claim_slot
from tests.integration.worker.conftest import FIRST, SECOND, Hold

LostReplies = Callable[[int], AbstractContextManager[None]]
OUTCOMES = [
    Outcome(TrialState.COMPLETE, 0.5),
    Outcome(TrialState.PRUNED),
    Outcome(TrialState.PRUNED, cause="nan", message="the loss must stay finite"),
    Outcome(TrialState.FAIL, cause="OSError: no such disk"),
]
WRITES: dict[str, Callable[[HeldTrial], object]] = {
    "report": lambda held: held.report({1: 0.1}),
    "attributes": lambda held: held.write(TrialAttributes(worker="late")),
    "device time": lambda held: held.write_device_time(),
    "constraint": lambda held: held.constrain("parameters", 1.0),
    "configuration": lambda held: held.take_configuration("late"),
    "note": lambda held: held.write_note("late"),
    "tell": lambda held: held.tell(Outcome(TrialState.COMPLETE, 0.1)),
}


def the_trial(study: optuna.Study) -> FrozenTrial:
    (trial,) = study.get_trials(deepcopy=False)
    return trial


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "curves.png"
    path.write_bytes(b"first")
    return path


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_lost_trial_is_written_no_more(hold: Hold, study: optuna.Study, write: Callable[[HeldTrial], object]) -> None:
    first = hold(FIRST, lease_s=0.0)
    hold(SECOND)
    before = the_trial(study)
    with pytest.raises(LeaseLost):
        write(first)
    assert the_trial(study) == before and get_note(optuna.Trial(study, before._trial_id)) == ""


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_trial_that_somebody_else_finished_is_lost(
    hold: Hold, study: optuna.Study, write: Callable[[HeldTrial], object]
) -> None:
    held = hold()
    study.tell(the_trial(study).number, 0.9)  # as a person may in the dashboard
    before = the_trial(study)
    if write is WRITES["note"]:  # belongs to the study, and may be written at any time
        write(held)
    else:
        with pytest.raises(LeaseLost):
            write(held)
    assert the_trial(study) == before


def test_a_lease_that_ended_unnoticed_still_counts(hold: Hold, study: optuna.Study) -> None:
    held = hold(FIRST, lease_s=0.0)
    held.report({1: 0.25})
    held.tell(Outcome(TrialState.COMPLETE, 0.5))
    assert (the_trial(study).value, the_trial(study).intermediate_values) == (0.5, {1: 0.25})


@pytest.mark.parametrize("outcome", OUTCOMES, ids=str)
def test_a_trial_is_told_once_though_the_reply_is_lost(
    hold: Hold, study: optuna.Study, lost_replies: LostReplies, outcome: Outcome
) -> None:
    held = hold()
    held.report({1: 0.25})
    with lost_replies(1):
        held.tell(outcome)
    trial = the_trial(study)
    value = outcome.value if outcome.state == TrialState.COMPLETE else 0.25
    assert (trial.state, trial.value) == (outcome.state, None if outcome.state == TrialState.FAIL else value)
    attributes = TrialAttributes.read(trial.user_attrs)
    assert (attributes.cause, attributes.message) == (outcome.cause, outcome.message)
    ended = trial.datetime_complete
    held.tell(outcome)
    assert (the_trial(study).state, the_trial(study).datetime_complete) == (outcome.state, ended)


def test_a_told_trial_stays_told_when_its_slot_is_swept_before_the_repetition(
    hold: Hold, db: Database, study: optuna.Study
) -> None:
    held = hold(FIRST, lease_s=0.0)
    held.tell(Outcome(TrialState.FAIL, cause="first"))
    hold(SECOND)  # claiming removes the slot whose trial is over
    held.tell(Outcome(TrialState.FAIL, cause="first"))
    failed, _ = study.get_trials(deepcopy=False)
    assert (failed.state, failed.user_attrs["cause"]) == (TrialState.FAIL, "first")


def test_why_and_end_are_written_together_or_not_at_all(
    hold: Hold, study: optuna.Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("between the two")

    held = hold()
    monkeypatch.setattr(study.sampler, "after_trial", fail)
    monkeypatch.setattr(type(held._storage), "set_trial_state_values", fail)
    with pytest.raises(RuntimeError):
        held.tell(Outcome(TrialState.FAIL, cause="OSError"))
    assert the_trial(study).state == TrialState.RUNNING and "cause" not in the_trial(study).user_attrs


def test_a_report_is_repeated_when_its_reply_is_lost(
    hold: Hold, study: optuna.Study, lost_replies: LostReplies
) -> None:
    held = hold()
    with lost_replies(2):
        held.report({1: 0.25, 2: 0.5})
    assert the_trial(study).intermediate_values == {1: 0.25, 2: 0.5}
    assert held.last_epoch == 2


def test_a_report_that_was_rolled_back_is_written_again(
    hold: Hold, study: optuna.Study, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Optuna's trial would take it for reported."""
    held = hold()
    engine = db.storage._backend.engine  # type: ignore[attr-defined]
    commit, failures = engine.dialect.do_commit, [RuntimeError("no commit")]

    def fail_once(connection: object) -> None:
        if failures:
            raise failures.pop()
        commit(connection)

    monkeypatch.setattr(engine.dialect, "do_commit", fail_once)
    with pytest.raises(RuntimeError):
        held.report({1: 0.25})
    assert the_trial(study).intermediate_values == {}
    held.report({1: 0.25})
    assert the_trial(study).intermediate_values == {1: 0.25}


def test_a_reported_epoch_keeps_its_value_and_no_infinite_one_is_reported(hold: Hold, study: optuna.Study) -> None:
    hold(FIRST, lease_s=0.0).report({1: 0.25, 2: math.nan})
    held = hold(SECOND)
    held.report({1: 0.75, 2: 0.5, 3: math.inf})
    assert the_trial(study).intermediate_values == {1: 0.25, 2: 0.5}
    assert held.last_epoch == 2


def test_the_pruner_sees_what_was_reported(hold: Hold, study: optuna.Study) -> None:
    study.pruner = optuna.pruners.ThresholdPruner(lower=0.3)
    held = hold()
    held.report({1: 0.5})
    assert not held.should_prune()
    held.report({2: 0.2})
    assert held.should_prune()


def test_a_new_epoch_resets_the_counts_and_a_repeated_one_does_not(hold: Hold, study: optuna.Study) -> None:
    held = hold()
    for epoch, counts in ((1, (0, 0)), (1, (3, 2)), (2, (0, 0))):
        held.write(TrialAttributes(starts=3, retries=2))
        held.report({epoch: 0.5})
        kept = TrialAttributes.read(the_trial(study).user_attrs)
        assert (kept.starts, kept.retries) == counts


def test_device_time_goes_on_where_the_last_worker_left_it(hold: Hold, study: optuna.Study) -> None:
    first = hold(FIRST, lease_s=0.0)
    first.write(TrialAttributes(device_s=100.0))
    held = hold(SECOND)
    held.report({1: 0.5})
    assert 100.0 <= TrialAttributes.read(the_trial(study).user_attrs).device_s < 160.0


def test_the_first_value_of_a_constraint_stays(hold: Hold, study: optuna.Study) -> None:
    held = hold()
    held.constrain("parameters", 0.5)
    held.constrain("parameters", -1.0)
    assert the_trial(study).constraints == {"parameters": 0.5}


def test_a_configuration_belongs_to_the_first_trial(hold: Hold) -> None:
    first, other = hold(), hold(SECOND)
    assert first.take_configuration("abc") and first.take_configuration("abc")
    assert not other.take_configuration("abc")


def test_a_picture_replaces_the_earlier_one_of_its_name(
    hold: Hold, study: optuna.Study, db: Database, artifacts: Artifacts, picture: Path
) -> None:
    hold(FIRST, lease_s=0.0).add_picture(artifacts, picture)
    picture.write_bytes(b"second")
    held = hold(SECOND)
    held.add_picture(artifacts, picture)
    held.add_picture(artifacts, picture.rename(picture.with_name("gallery.png")))
    shown = [value for value in the_trial(study).system_attrs.values() if value != "null"]
    assert len(shown) == 2 and len(artifacts.sizes()) == 2
    for key in artifacts.sizes():
        with artifacts.open(key) as file:
            assert file.read() == b"second"


def test_a_picture_is_there_once_though_the_reply_is_lost(
    hold: Hold, study: optuna.Study, db: Database, artifacts: Artifacts, picture: Path, lost_replies: LostReplies
) -> None:
    held = hold()
    held.add_picture(artifacts, picture)
    with lost_replies(2):
        held.add_picture(artifacts, picture)
    (key,) = artifacts.sizes()
    assert [value for name, value in the_trial(study).system_attrs.items() if key not in name] == ["null"]


def test_a_lost_trial_leaves_no_picture(
    hold: Hold, study: optuna.Study, db: Database, artifacts: Artifacts, picture: Path
) -> None:
    first = hold(FIRST, lease_s=0.0)
    hold(SECOND)
    with pytest.raises(LeaseLost):
        first.add_picture(artifacts, picture)
    assert not artifacts.sizes() and not get_all_artifact_meta(the_trial(study), storage=db.storage)


def test_a_released_trial_is_handed_on_and_a_closed_slot_is_gone(hold: Hold, db: Database, study: optuna.Study) -> None:
    held = hold(FIRST)
    held.release()
    handed_on = hold(SECOND)
    assert handed_on.number == held.number
    held.release()  # too late: it is another worker's
    held.close()
    handed_on.require()
    handed_on.tell(Outcome(TrialState.COMPLETE, 0.5))
    handed_on.close()
    again = claim_slot(db, study._study_id, SECOND, "worker 2")
    assert again is not None and again.trial_id is None
