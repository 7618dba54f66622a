"""Which trials of a study are trained again: its best ones, and the default beside them."""

from collections.abc import Sequence
from dataclasses import dataclass

from optuna.trial import TrialState

from search.space.space import digest
from search.study.export import find_trial, trial_config
from search.study.study import OpenStudy
from storage.database.connection import Database
from storage.studies.attributes import TrialAttributes
from storage.studies.configurations import find_configuration
from storage.studies.ranking import read_best
from trainer.config import TrainConfig
from trainer.errors import InputError


@dataclass(frozen=True)
class Candidate:
    """A trial of the searched study."""

    number: int
    name: str | None  # of the configuration that it was enqueued with
    value: float  # in the search
    config: TrainConfig


def pick_candidates(db: Database, opened: OpenStudy, top: int) -> tuple[int, ...]:
    """The numbers of the `top` best complete trials, best first, then that of the study's base if it was trained.

    Raises InputError where no trial is complete.
    """
    numbers = [trial.number for trial in read_best(db, opened.study_id, top)]
    if not numbers:
        raise InputError(f"a confirmation needs a complete trial; study {opened.study.study_name} has none yet")
    with db.engine.connect() as connection:
        default = find_configuration(connection, opened.study_id, digest(opened.plan.base))
    if default is not None and default not in numbers and _was_trained(opened, default):
        numbers.append(default)
    return tuple(numbers)


def make_candidates(opened: OpenStudy, numbers: Sequence[int]) -> list[Candidate]:
    """Trials of the searched study with their configurations. Raises InputError where one is not there."""
    return [_make(opened, number) for number in numbers]


def _was_trained(opened: OpenStudy, number: int) -> bool:
    try:
        return find_trial(opened.study, number).state in (TrialState.COMPLETE, TrialState.PRUNED)
    except InputError:
        return False


def _make(opened: OpenStudy, number: int) -> Candidate:
    trial = find_trial(opened.study, number)
    return Candidate(
        number, TrialAttributes.read(trial.user_attrs).name, trial.value or 0.0, trial_config(opened, trial)
    )
