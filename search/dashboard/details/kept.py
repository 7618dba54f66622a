"""The trials of a study, as they are told, kept between requests: those that have ended change no more."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain
from threading import Lock
from types import SimpleNamespace
from typing import Any

from optuna.study import StudyDirection
from optuna.trial import TrialState
from optuna_dashboard._inmemory_cache import _CachedExtraStudyProperty

from search.dashboard.details.trials import Shape, Told, tell_trial
from storage.database.connection import Database
from storage.database.trial_texts import list_trials, read_trials

BATCH = 500  # trials that are read at once


class KeptTrials:
    """The trials of one study.

    Attributes:
        summary: the library's own: search spaces, keys of attributes, and whether there are reports.
    """

    def __init__(self, study_id: int) -> None:
        self.summary = _CachedExtraStudyProperty()
        self._study_id = study_id
        self._told: dict[int, Told] = {}  # by Optuna's id, in its order
        self._shapes: set[Shape] = set()  # that the summary has
        self._lock = Lock()

    def read(self, db: Database) -> list[Told]:
        """All trials in the order of their numbers. Reads those that are new, or had not ended at the last call."""
        with self._lock:
            open_ids = [trial_id for trial_id, told in self._told.items() if not told.state.is_finished()]
            ids = list_trials(db, self._study_id, max(self._told, default=-1), open_ids)
            batches = [ids[start : start + BATCH] for start in range(0, len(ids), BATCH)]
            with ThreadPoolExecutor(1) as ahead:  # the database reads a batch while the one before becomes JSON
                rows = chain.from_iterable(ahead.map(partial(read_trials, db), batches))
                new = [tell_trial(self._study_id, row) for row in rows]
            self._told.update((told.trial_id, told) for told, _ in new)
            for _, shape in reversed(new):  # as the library looks at trials, which orders the columns of its table
                self._summarise(shape)
            return list(self._told.values())

    def _summarise(self, shape: Shape) -> None:
        if shape in self._shapes:
            return
        self._shapes.add(shape)
        trial: Any = SimpleNamespace(
            number=0,
            state=TrialState.FAIL if shape.failed else TrialState.COMPLETE,
            user_attrs={key: 1 if is_number else "" for key, is_number in shape.numbers().items()},
            distributions=shape.distributions(),
            intermediate_values={0: 0.0} if shape.has_reports else {},
        )
        self.summary.update([trial])


def find_best(trials: list[Told], direction: StudyDirection) -> Told | None:
    """The first of the complete trials with the best value."""
    complete = [told for told in trials if told.state == TrialState.COMPLETE and told.value is not None]
    sign = 1 if direction == StudyDirection.MAXIMIZE else -1
    return max(complete, key=lambda told: sign * (told.value or 0.0), default=None)
