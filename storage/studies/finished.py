"""Finished trials as they come, read by SQL: only those that are new are read whole."""

from dataclasses import dataclass

from sqlalchemy import text

from storage.database.connection import Database
from storage.studies.attributes import NOT_TRAINED, TrialAttributes
from storage.studies.status import read_attributes

_NUMBERS = text("""
    select number from trials
    where study_id = :study_id and number >= :first and state in ('COMPLETE', 'PRUNED', 'FAIL') order by number""")
_TRIALS = text("""
    select t.trial_id, t.number, t.state::text as state, v.value from trials t
    left join trial_values v on v.trial_id = t.trial_id and v.objective = 0 and v.value_type = 'FINITE'
    where t.study_id = :study_id and t.number = any(:numbers) order by t.number""")


@dataclass(frozen=True)
class Finished:
    """A trial that has ended."""

    number: int
    state: str  # as Optuna names it, such as COMPLETE
    value: float | None  # None also for an infinite one
    attributes: TrialAttributes

    @property
    def was_trained(self) -> bool:
        """Whether it counts as a trial; the others were drawn and not trained, which is no failure."""
        return self.attributes.cause not in NOT_TRAINED


class FinishedTrials:
    """The finished trials of a study, except those that `mark_seen` was told of."""

    def __init__(self, db: Database, study_id: int) -> None:
        self._db, self._study_id = db, study_id
        self._first, self._seen = 0, set[int]()  # every trial before the first is seen, and these behind it

    def numbers(self) -> list[int]:
        """Their numbers, ascending."""
        with self._db.engine.connect() as connection:
            found = connection.scalars(_NUMBERS, {"study_id": self._study_id, "first": self._first})
            return [number for number in found if number not in self._seen]

    def read(self) -> list[Finished]:
        """The trials, by number."""
        numbers = self.numbers()
        with self._db.engine.connect() as connection:
            rows = connection.execute(_TRIALS, {"study_id": self._study_id, "numbers": numbers}).all()
            return [
                Finished(row.number, row.state, row.value, read_attributes(connection, row.trial_id)) for row in rows
            ]

    def mark_seen(self, numbers: list[int]) -> None:
        """Leaves these trials out from now on."""
        self._seen.update(numbers)
        while self._first in self._seen:
            self._seen.remove(self._first)
            self._first += 1
