"""Which trials of a study are the best, and which are finished, by SQL: no trial is read whole."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import text

from storage.database.connection import Database

# Infinite values are the first or the last.
_BEST = text("""
    select t.number, case v.value_type when 'INF_POS' then 'infinity' when 'INF_NEG' then '-infinity' else v.value end
      as value
    from trials t join trial_values v on v.trial_id = t.trial_id and v.objective = 0
    where t.study_id = :study_id and t.state = 'COMPLETE' order by 2 desc, t.number limit :count""")
_FINISHED = text("""
    select number from trials
    where study_id = :study_id and number = any(:numbers) and state in ('COMPLETE', 'PRUNED', 'FAIL')""")


@dataclass(frozen=True)
class Ranked:
    """A complete trial with its value."""

    number: int
    value: float

    @property
    def order(self) -> tuple[float, int]:
        """What sorts trials best first, of equal values the lower number."""
        return -self.value, self.number


def read_best(db: Database, study_id: int, count: int) -> list[Ranked]:
    """The `count` complete trials of the highest values, best first; of equal values the lower number comes first."""
    with db.engine.connect() as connection:
        rows = connection.execute(_BEST, {"study_id": study_id, "count": count})
        return [Ranked(row.number, row.value) for row in rows]


def finished_among(db: Database, study_id: int, numbers: Collection[int]) -> set[int]:
    """Those of the trials that are finished."""
    with db.engine.connect() as connection:
        return set(connection.scalars(_FINISHED, {"study_id": study_id, "numbers": list(numbers)}))
