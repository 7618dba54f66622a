"""The pruner decides by SQL what Optuna's decides with every trial in memory."""

from random import Random

import optuna
import pytest
from optuna.trial import TrialState

from search.study.plan import StudyTable
from search.study.pruner import HalvingPruner, MedianPruner, make_pruner
from storage.database.connection import Database
from storage.studies.attributes import TrialAttributes
from storage.studies.medians import median_at_epoch

EPOCHS = 6


@pytest.mark.parametrize("startup_trials", [0, 3])
@pytest.mark.parametrize("warmup", [1, 3])
def test_it_prunes_what_optunas_median_pruner_prunes(
    db: Database, study: optuna.Study, startup_trials: int, warmup: int
) -> None:
    random = Random(startup_trials + 10 * warmup)
    ours = MedianPruner(db, startup_trials, warmup)
    theirs = optuna.pruners.MedianPruner(startup_trials, warmup)
    decisions = []
    for number in range(30):
        trial, level = study.ask(), random.choice([0.25, 0.5, random.random()])
        for epoch in range(1, 1 + random.randint(0, EPOCHS)):
            trial.report(level + random.choice([0.0, 0.1 * random.random()]), epoch)
            frozen = trial._get_latest_trial()
            decisions.append(ours.prune(study, frozen))
            assert decisions[-1] == theirs.prune(study, frozen), (number, epoch)
        state = random.choice([TrialState.COMPLETE, TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL])
        study.tell(trial, 0.5 if state == TrialState.COMPLETE else None, state)
    assert {True, False} == set(decisions)


def test_of_many_complete_trials_the_latest_decide(db: Database, study: optuna.Study) -> None:
    for value in (0.9, 0.1, 0.2, 0.4):
        trial = study.ask()
        trial.report(value, 1)
        study.tell(trial, value)
    assert median_at_epoch(db, study._study_id, 1, latest=3).value == 0.2
    assert median_at_epoch(db, study._study_id, 1).value == pytest.approx(0.3)


def test_halving_decides_as_optunas(db: Database, study: optuna.Study) -> None:
    ours, theirs, random = HalvingPruner(db, 0, 1, 3), optuna.pruners.SuccessiveHalvingPruner(1, 3), Random(0)
    twin, decisions = optuna.create_study(direction="maximize"), []
    for _ in range(40):
        trials = study.ask(), twin.ask()
        for epoch in range(1, 1 + EPOCHS):
            value = random.random()
            for trial in trials:
                trial.report(value, epoch)
            frozen = [trial._get_latest_trial() for trial in trials]
            decisions.append(ours.prune(study, frozen[0]))
            assert decisions[-1] == theirs.prune(twin, frozen[1])
            if decisions[-1]:
                break
        for trial in trials:
            trial.study.tell(trial, value)
    assert {True, False} == set(decisions)


def test_halving_prunes_nobody_before_enough_are_complete(db: Database, study: optuna.Study) -> None:
    study.pruner = HalvingPruner(db, startup_trials=2, warmup=1, reduction_factor=2)
    for value, goes_on in ((0.5, True), (0.4, True), (0.3, False), (0.6, True)):
        trial = study.ask()
        trial.report(value, 1)
        assert trial.should_prune() != goes_on
        study.tell(trial, value if goes_on else None, None if goes_on else TrialState.PRUNED)


def test_a_trial_without_a_report_goes_on(db: Database, study: optuna.Study) -> None:
    assert not MedianPruner(db, 0, 1).prune(study, study.ask()._get_latest_trial())


@pytest.mark.parametrize("pruner", ["median", "halving"])
def test_a_hopeless_trial_is_pruned_after_the_warmup(db: Database, study: optuna.Study, pruner: str) -> None:
    table = StudyTable.model_validate({"pruner": pruner, "startup_trials": 3, "warmup": 0.25})
    study.pruner = make_pruner(db, table, epochs=8)
    for _ in range(4):
        trial = study.ask()
        for epoch in range(1, 9):
            trial.report(0.5, epoch)
            assert not trial.should_prune()
        study.tell(trial, 0.5)
    hopeless = study.ask()
    hopeless.report(0.1, 1)
    assert not hopeless.should_prune()
    hopeless.report(0.1, 2)
    assert hopeless.should_prune()


@pytest.mark.parametrize("pruner", ["median", "halving"])
def test_the_default_is_never_pruned(db: Database, study: optuna.Study, pruner: str) -> None:
    study.pruner = make_pruner(db, StudyTable.model_validate({"pruner": pruner, "startup_trials": 1}), epochs=4)
    for number in range(5):
        trial = study.ask()
        trial.report(0.5, 1)
        assert not trial.should_prune(), number
        study.tell(trial, 0.5)
    for name, is_pruned in (("default", False), ("other", True)):
        trial = study.ask()
        TrialAttributes(name=name).write(trial)
        trial.report(0.1, 1)
        assert trial.should_prune() == is_pruned


def test_none_prunes_nothing(db: Database) -> None:
    assert isinstance(make_pruner(db, StudyTable(pruner="none"), 8), optuna.pruners.NopPruner)
