"""Starts become waiting trials, each configuration once, however many commands enqueue it at the same time."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection

from search.format import trial_label
from search.space.parse import is_shared
from search.space.space import digest
from search.study.study import OpenStudy
from search.study.warmstart import WarmStart, default_start
from storage.database.connection import Database, joined_transaction
from storage.database.schema import lock
from storage.studies.attributes import TrialAttributes
from storage.studies.configurations import find_configuration, had_configuration
from storage.studies.status import Counts, study_status
from storage.studies.study import get_budget, get_question
from trainer.config import TrainConfig
from trainer.configfile import flatten, override

DEFAULT_FIRST = 3  # the schema of the first question whose studies try the default first


@dataclass(frozen=True)
class Enqueued:
    """The trial that has the configuration of a warm start."""

    name: str  # of the warm start
    number: int  # of the trial
    new: bool  # False where the study had the configuration before
    outside: Mapping[str, Any] = field(default_factory=dict)  # the start's values outside their axes

    def __str__(self) -> str:
        """Such as `trial 3 final_model waits; outside the space, and its own: model.width 64`."""
        if not self.new:
            return f"trial {self.number} has the configuration of {self.name} already"
        values = ", ".join(f"{path} {json.dumps(value)}" for path, value in self.outside.items())
        return f"trial {trial_label(self.number, self.name)} waits" + (
            f"; outside the space, and its own: {values}" if values else ""
        )


def enqueue_default(db: Database, opened: OpenStudy) -> list[Enqueued]:
    """Makes a waiting trial of the study's base, unless a trial ever had it: so a search never ends below it.

    To be called before other starts are enqueued. A study that an earlier version began goes on without.
    """
    if (get_question(db, opened.study_id) or {}).get("schema", 1) < DEFAULT_FIRST:
        return []
    start = default_start(opened.plan.base, opened.plan.space)
    with joined_transaction(db) as connection:
        lock(connection, opened.study_id)
        if had_configuration(connection, opened.study_id, digest(start.config)):
            return []
        return [_enqueue(opened, start, connection)]


def enqueue_warm_starts(db: Database, opened: OpenStudy, starts: Sequence[WarmStart]) -> list[Enqueued]:
    """Makes a waiting trial of each warm start whose configuration the study does not have, in order."""
    if not starts:
        return []
    with joined_transaction(db) as connection:  # with a connection for Optuna, many threads would wait for each other
        lock(connection, opened.study_id)
        return [_enqueue(opened, start, connection) for start in starts]


def share_values(starts: Sequence[WarmStart], base: TrainConfig) -> list[WarmStart]:
    """The starts with the values that all trials of a study share, which an older study has from its own version."""
    shared = {path: value for path, value in flatten(base).items() if is_shared(path)}
    return [replace(start, config=override(start.config, shared)) for start in starts]


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
    outside = {"outside": tuple(start.outside)} if start.outside else {}
    base = start.config.model_dump(mode="json")
    attributes = TrialAttributes(name=start.name, base=base, digest=config_digest, **outside)
    opened.study.enqueue_trial(dict(start.values), user_attrs=attributes.as_json())
    number = find_configuration(connection, opened.study_id, config_digest)
    assert number is not None
    return Enqueued(start.name, number, True, start.outside)
