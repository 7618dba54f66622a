"""The rungs of successive halving: the values with which trials reached them, kept as Optuna's pruner keeps them."""

from dataclasses import dataclass

from sqlalchemy import text

from storage.database.connection import Database

_STANDING = text("""
    select count(*) as reached, count(*) filter (where cast(a.value_json as double precision) > :value) as better
    from trials t join trial_system_attributes a on a.trial_id = t.trial_id and a.key = :key
    where t.study_id = :study_id""")


@dataclass(frozen=True)
class Standing:
    """A value among those of the trials that have reached a rung."""

    reached: int  # trials
    better: int  # of these, with a higher value


def rung_key(rung: int) -> str:
    """The system attribute of a trial that has its value at a rung; rungs count from 0."""
    return f"completed_rung_{rung}"


def read_standing(db: Database, study_id: int, rung: int, value: float) -> Standing:
    """How many trials have reached a rung, and how many of them with a higher value."""
    with db.engine.connect() as connection:
        row = connection.execute(_STANDING, {"study_id": study_id, "key": rung_key(rung), "value": value}).one()
    return Standing(row.reached, row.better)
