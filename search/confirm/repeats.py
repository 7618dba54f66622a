"""What the repetitions of candidates gave, read from the sibling study and the artifact store."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna.trial import TrialState

from search.study.study import OpenStudy
from storage.artifacts.interface import Artifacts
from storage.artifacts.keys import confusions_key
from storage.errors import StorageError
from storage.studies.attributes import TrialAttributes

FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)


@dataclass(frozen=True, eq=False)
class Repeat:
    """One training of a candidate."""

    number: int  # of its trial in the sibling
    candidate: int  # number of its trial in the searched study
    repeat: int
    fold: tuple[int, int] | None
    value: float  # 0 where it diverged
    confusions: NDArray[np.int64] | None  # (B, C, C) by blocks of validation images; None where they are not kept

    @property
    def folds(self) -> int:
        """On how many folds its repetition is trained; 1 for the study's own split."""
        return _count_folds(self.fold)


def read_repeats(sibling: OpenStudy, artifacts: Artifacts) -> list[Repeat]:
    """The finished repetitions, by the numbers of their trials."""
    return [
        Repeat(
            trial.number,
            attributes.candidate,
            attributes.repeat,
            _fold(attributes.base),
            trial.value or 0.0 if trial.state == TrialState.COMPLETE else 0.0,
            _read_confusions(sibling, artifacts, trial.number),
        )
        for trial in sibling.study.get_trials(deepcopy=False, states=FINISHED)
        for attributes in (TrialAttributes.read(trial.user_attrs),)
        if attributes.candidate is not None and attributes.repeat is not None
    ]


def count_begun(sibling: OpenStudy, folds: int) -> int:
    """How many repetitions were begun on so many folds, whatever became of them."""
    found = [TrialAttributes.read(trial.user_attrs) for trial in sibling.study.get_trials(deepcopy=False)]
    own = [one.repeat for one in found if one.repeat is not None and _count_folds(_fold(one.base)) == folds]
    return 1 + max(own, default=-1)


def _count_folds(fold: tuple[int, int] | None) -> int:
    return 1 if fold is None else fold[1]


def _fold(base: dict[str, Any] | None) -> tuple[int, int] | None:
    found = ((base or {}).get("data") or {}).get("fold")
    return None if found is None else (int(found[0]), int(found[1]))


def _read_confusions(sibling: OpenStudy, artifacts: Artifacts, number: int) -> NDArray[np.int64] | None:
    with suppress(OSError, ValueError, StorageError):
        with artifacts.open(confusions_key(sibling.plan.study.name, number)) as file:
            found = np.load(file, allow_pickle=False)
        return found if found.ndim == 3 and found.dtype == np.int64 else None
    return None
