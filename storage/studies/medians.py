"""The median of a study's complete trials at one epoch, for the pruner: one query, whatever the number of trials."""

from dataclasses import dataclass

from sqlalchemy import text

from storage.database.connection import Database

_MEDIAN = text("""
    select count(*) as trials, percentile_cont(0.5) within group (order by i.intermediate_value) as median
    from trials t left join trial_intermediate_values i
      on i.trial_id = t.trial_id and i.step = :epoch and i.intermediate_value_type = 'FINITE'
    where t.study_id = :study_id and t.state = 'COMPLETE'""")


@dataclass(frozen=True)
class Median:
    """The median value of complete trials at an epoch; None where none has reported it."""

    trials: int  # complete ones, those too that did not report the epoch
    value: float | None


def median_at_epoch(db: Database, study_id: int, epoch: int) -> Median:
    """The median of the finite values that complete trials reported at an epoch."""
    with db.engine.connect() as connection:
        row = connection.execute(_MEDIAN, {"study_id": study_id, "epoch": epoch}).one()
    return Median(row.trials, row.median)
