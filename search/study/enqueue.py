"""Starts become waiting trials, each configuration once however many commands bring it at the same time."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from search.format import label
from search.space.space import digest
from search.study.study import OpenStudy
from search.study.warmstart import Start
from storage.database.connection import Database
from storage.database.schema import lock
from storage.studies.attributes import TrialAttributes
from storage.studies.configurations import find_configuration
from storage.studies.status import Counts, study_status
from storage.studies.study import get_budget


@dataclass(frozen=True)
class Enqueued:
    """What became of a start."""

    name: str
    number: int  # of the trial that has the configuration
    new: bool  # False where the study had the configuration before


def enqueue_starts(db: Database, opened: OpenStudy, starts: Sequence[Start]) -> list[Enqueued]:
    """Makes a waiting trial of each start whose configuration the study does not have, in order."""
    if not starts:
        return []
    with db.engine.begin() as connection:
        lock(connection, opened.study_id)  # Optuna writes by connections of its own; READ COMMITTED sees what it wrote
        return [_enqueue(opened, start, connection) for start in starts]


def enqueued_lines(db: Database, opened: OpenStudy, enqueued: list[Enqueued]) -> list[str]:
    """What became of each start, and whether the budget has room for those that wait."""
    lines = [
        f"trial {label(start.number, start.name)} waits"
        if start.new
        else f"trial {start.number} has the configuration of {start.name} already"
        for start in enqueued
    ]
    counts, budget = study_status(db, opened.study_id).counts, get_budget(db, opened.study_id)
    return lines + ([line] if enqueued and (line := room_line(counts, budget)) else [])


def room_line(counts: Counts, budget: int) -> str | None:
    """Says how many trials make room for those that wait, where the budget is too small for them."""
    needed = counts.complete + counts.pruned + counts.running + counts.waiting
    if not counts.waiting or needed <= budget:
        return None
    left_out = min(counts.waiting, needed - budget)
    return (
        f"{left_out} of {counts.waiting} waiting trials have no place among the {budget} of the study; "
        f"`unet-search run --trials {needed}` makes room"
    )


def _enqueue(opened: OpenStudy, start: Start, connection: Connection) -> Enqueued:
    name = digest(start.config)
    number = find_configuration(connection, opened.study_id, name)
    if number is not None:
        return Enqueued(start.name, number, new=False)
    attributes = TrialAttributes(name=start.name, base=start.config.model_dump(mode="json"), digest=name)
    opened.study.enqueue_trial(dict(start.values), user_attrs=attributes.as_json())
    number = find_configuration(connection, opened.study_id, name)
    assert number is not None
    return Enqueued(start.name, number, new=True)
