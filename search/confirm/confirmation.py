"""What is to be confirmed: kept with the sibling study, so that every worker of it knows what comes next."""

from dataclasses import asdict, dataclass

import optuna
from pydantic import TypeAdapter, ValidationError

from storage.studies.attributes import StudyAttributes


@dataclass(frozen=True)
class Confirmation:
    """Which trials of a study are trained again, and how often."""

    study: str  # the searched one
    candidates: tuple[int, ...]  # numbers of its trials
    seeds: int  # trainings of each candidate, at most
    folds: int  # of each training; 1 for the study's own split


_ADAPTER = TypeAdapter(Confirmation)


def read_confirmation(sibling: optuna.Study) -> Confirmation | None:
    """That of a sibling study; None of any other study."""
    stored = StudyAttributes.read(sibling.user_attrs).confirmation
    try:
        return None if stored is None else _ADAPTER.validate_python(stored)
    except ValidationError:  # of another version, or another program
        return None


def write_confirmation(sibling: optuna.Study, confirmation: Confirmation) -> None:
    """Keeps it with the sibling study, in place of an earlier one."""
    StudyAttributes(confirmation=asdict(confirmation)).write(sibling)
