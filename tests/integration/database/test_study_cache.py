"""A process that draws and reports trials never reads those of others whole."""

from collections.abc import Iterator

import optuna
import pytest
from optuna.trial import TrialState

from storage.database.connection import Database, connect


@pytest.fixture
def other(database_url: str, study: optuna.Study) -> Iterator[optuna.Study]:
    """The study "mars", of some finished trials, as another process opens it."""
    for _ in range(3):
        study.tell(study.ask(), 0.5)
    database = connect(database_url)
    yield optuna.load_study(study_name="mars", storage=database.storage, sampler=optuna.samplers.RandomSampler())
    database.close()


def cached(study: optuna.Study) -> list[int]:
    """The numbers of the trials that a process keeps."""
    return sorted(study._storage._studies[study._study_id].trials)  # type: ignore[attr-defined]


def test_asking_for_a_trial_reads_no_other(other: optuna.Study) -> None:
    trial = other.ask()
    trial.suggest_int("depth", 1, 4)
    trial.report(0.5, 1)
    other.tell(trial, 0.5)
    assert cached(other) == [trial.number]


def test_a_waiting_trial_is_taken_once_with_its_values(study: optuna.Study, other: optuna.Study) -> None:
    study.enqueue_trial({"depth": 3})
    trial = other.ask()
    assert (trial.number, trial.suggest_int("depth", 1, 4)) == (3, 3)
    assert study.ask().number == 4 and other.ask().number == 5
    assert cached(other) == [3, 5]


def test_a_trial_of_another_process_takes_parameters(study: optuna.Study, other: optuna.Study) -> None:
    begun = study.ask()
    begun.suggest_int("depth", 1, 4)
    resumed = optuna.Trial(other, begun._trial_id)
    width = resumed.suggest_int("width", 8, 64)
    assert resumed.suggest_int("depth", 1, 4) == begun.params["depth"]
    assert study.get_trials()[3].params == begun.params | {"width": width}
    with pytest.raises(ValueError):  # the same parameter of another kind
        optuna.Trial(study, other.ask()._trial_id).suggest_float("width", 8, 64)


def test_who_asks_for_all_trials_gets_their_last_state(db: Database, study: optuna.Study, other: optuna.Study) -> None:
    study.enqueue_trial({})
    waiting = other._storage.get_all_trials(other._study_id, states=(TrialState.WAITING,))
    assert [trial.number for trial in waiting] == [3]
    resumed = optuna.Trial(other, study.ask()._trial_id)
    resumed.suggest_int("depth", 1, 4)
    assert [trial.state for trial in other.get_trials()] == [TrialState.COMPLETE] * 3 + [TrialState.RUNNING]
    study.tell(3, 0.25)
    assert other.get_trials()[3].value == 0.25 and other.get_trials()[3].params == resumed.params


def test_a_parameter_needs_a_trial(db: Database) -> None:
    with pytest.raises(KeyError):
        db.storage.set_trial_param(999, "depth", 1.0, optuna.distributions.IntDistribution(1, 4))
