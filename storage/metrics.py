"""What is counted of a study for a monitoring system, beside its status: one query a scrape."""

from dataclasses import dataclass

from sqlalchemy import text

from storage.database import Database
from storage.slots import LIVE


@dataclass(frozen=True)
class Totals:
    """A study's totals at one moment."""

    epochs: int  # that trials reported; one that is trained again after an interruption counts once
    budget: int | None  # trials; None where none was set
    workers: int  # that hold a live lease, on all hosts


# Reports are counted by their trials' key, so that only this study's are read.
TOTALS = text(f"""
    select
      (select count(*) from trials t join trial_intermediate_values i on i.trial_id = t.trial_id
       where t.study_id = :study_id) as epochs,
      (select budget from unet_search_studies where study_id = :study_id) as budget,
      (select count(distinct s.owner) from unet_search_slots s where s.study_id = :study_id and {LIVE}) as workers""")


def study_totals(db: Database, study_id: int) -> Totals:
    """The study's totals."""
    with db.engine.connect() as connection:
        row = connection.execute(TOTALS, {"study_id": study_id}).one()
    return Totals(row.epochs, row.budget, row.workers)
