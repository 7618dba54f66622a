"""Warm starts become waiting trials, each configuration once, however many commands enqueue it at the same time."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from search.format import trial_label
from search.space.space import digest
from search.study.study import OpenStudy
from search.study.warmstart import WarmStart
from storage.database.connection import Database
from storage.database.schema import lock
from storage.studies.attributes import TrialAttributes
from storage.studies.configurations import find_configuration
from storage.studies.status import Counts, study_status
from storage.studies.study import get_budget


@dataclass(frozen=True)
class Enqueued:
    """The trial that has the configuration of a warm start."""

    name: str  # of the warm start
    number: int  # of the trial
    new: bool  # False where the study had the configuration before

    def __str__(self) -> str:
        """Such as `trial 3 final_model waits`."""
        if self.new:
            return f"trial {trial_label(self.number, self.name)} waits"
        return f"trial {self.number} has the configuration of {self.name} already"


def enqueue_warm_starts(db: Database, opened: OpenStudy, starts: Sequence[WarmStart]) -> list[Enqueued]:
    """Makes a waiting trial of each warm start whose configuration the study does not have, in order."""
    if not starts:
        return []
    with db.engine.begin() as connection:
        lock(connection, opened.study_id)  # Optuna writes by connections of its own; READ COMMITTED sees what it wrote
        return [_enqueue(opened, start, connection) for start in starts]


def describe_enqueued(db: Database, opened: OpenStudy, enqueued: Sequence[Enqueued]) -> list[str]:
    """A line for each warm start, and one more where the waiting trials exceed the budget."""
    if not enqueued:
        return []
    counts, budget = study_status(db, opened.study_id).counts, get_budget(db, opened.study_id)
    warning = budget_warning(counts, budget)
    return [*map(str, enqueued), *([] if warning is None else [warning])]


def budget_warning(counts: Counts, budget: int) -> str | None:
    """The budget that all waiting trials need, as a line, where the study's is smaller."""
    needed = counts.complete + counts.pruned + counts.running + counts.waiting
    if not counts.waiting or needed <= budget:
        return None
    left_out = min(counts.waiting, needed - budget)
    return (
        f"{left_out} of {counts.waiting} waiting trials have no place among the {budget} of the study; "
        f"`unet-search run --trials {needed}` makes room"
    )


def _enqueue(opened: OpenStudy, start: WarmStart, connection: Connection) -> Enqueued:
    config_digest = digest(start.config)
    number = find_configuration(connection, opened.study_id, config_digest)
    if number is not None:
        return Enqueued(start.name, number, new=False)
    attributes = TrialAttributes(name=start.name, base=start.config.model_dump(mode="json"), digest=config_digest)
    opened.study.enqueue_trial(dict(start.values), user_attrs=attributes.as_json())
    number = find_configuration(connection, opened.study_id, config_digest)
    assert number is not None
    return Enqueued(start.name, number, new=True)
