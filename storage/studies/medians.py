"""The median of a study's complete trials at one epoch, for the pruner: one query of the latest trials."""

from dataclasses import dataclass

from sqlalchemy import text

from storage.database.connection import Database

LATEST = 1000  # complete trials; a median of 10,000 would take as long as all else that a report does

_MEDIAN = text("""
    select count(*) as trials, percentile_cont(0.5) within group (order by i.value) as median
    from (select trial_id from trials where study_id = :study_id and state = 'COMPLETE'
          order by trial_id desc limit :latest) t
    left join lateral (
      select intermediate_value as value from trial_intermediate_values
      where trial_id = t.trial_id and step = :epoch and intermediate_value_type = 'FINITE') i on true""")


@dataclass(frozen=True)
class Median:
    """The median value of the latest complete trials at an epoch; None where none has reported it."""

    trials: int  # complete ones, those too that did not report the epoch; at most `latest`
    value: float | None


def median_at_epoch(db: Database, study_id: int, epoch: int, latest: int = LATEST) -> Median:
    """The median of the finite values that the latest complete trials reported at an epoch."""
    with db.engine.connect() as connection:
        row = connection.execute(_MEDIAN, {"study_id": study_id, "epoch": epoch, "latest": latest}).one()
    return Median(row.trials, row.median)
