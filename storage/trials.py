"""Figures of a study by plain SQL, without Optuna: a study of 10,000 trials takes milliseconds, not half a minute."""

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from storage.database import Database

LEADERS = 5


@dataclass(frozen=True)
class Counts:
    """Trials by state; `failed` without the duplicates that were drawn and not trained."""

    complete: int = 0
    pruned: int = 0
    running: int = 0
    waiting: int = 0
    failed: int = 0


@dataclass(frozen=True)
class Leader:
    """A COMPLETE trial among those of the highest values."""

    trial_id: int
    number: int
    value: float
    user_attrs: dict[str, Any]

    @property
    def name(self) -> str | None:
        """That of the configuration it was enqueued with; None for one that was drawn."""
        return self.user_attrs.get("name")


@dataclass(frozen=True)
class Running:
    """A trial under way. `epoch` and `value` are those last reported, None before the first report or for NaN."""

    number: int
    worker: str | None  # None while nobody holds it
    epoch: int | None
    value: float | None
    best_value: float | None  # the highest reported one
    device_s: float  # that it has been trained for, up to its last epoch
    name: str | None = None  # as of a Leader


@dataclass(frozen=True)
class StudyStatus:
    """A study at one moment. Times in seconds."""

    counts: Counts
    leaders: tuple[Leader, ...]  # at most LEADERS, best first
    running: tuple[Running, ...]
    mean_trial_s: float | None  # a complete or pruned trial's time on a device; None before the first
    device_s: float  # of all trials, running ones up to their last epoch; pauses of interrupted ones do not count

    @property
    def best(self) -> Leader | None:
        """The trial of the highest value, the first of equal ones."""
        return next(iter(self.leaders), None)


# Trials by state. A trial is a duplicate by its user attribute `cause`.
COUNTS = text("""
    select t.state::text as state, count(*) as trials from trials t
    where t.study_id = :study_id and not (t.state = 'FAIL' and exists (
      select from trial_user_attributes a
      where a.trial_id = t.trial_id and a.key = 'cause' and a.value_json = '"duplicate"'))
    group by t.state""")

# The leaders. Infinite values have a type and no number.
BEST = text(f"""
    select t.trial_id, t.number, v.value from trials t join trial_values v on v.trial_id = t.trial_id
    where t.study_id = :study_id and t.state = 'COMPLETE' and v.objective = 0 and v.value_type = 'FINITE'
    order by v.value desc, t.number limit {LEADERS}""")
USER_ATTRS = text("select key, value_json from trial_user_attributes where trial_id = :trial_id order by key")

WAITING = text("select count(*) from trials where study_id = :study_id and state = 'WAITING'")

# How long each trial has been trained, by all its workers together: its user attribute `device_s`, a JSON number.
HELD = "(select trial_id, value_json::float8 as s from trial_user_attributes where key = 'device_s')"

# Running trials with their last report and their holder.
RUNNING = text(f"""
    select t.number, s.worker, last.step, last.intermediate_value as value, top.value as best_value,
      coalesce(held.s, 0) as device_s, coalesce(named.value_json, 'null') as name
    from trials t
    left join unet_search_slots s on s.trial_id = t.trial_id and s.owner is not null
    left join {HELD} held on held.trial_id = t.trial_id
    left join trial_user_attributes named on named.trial_id = t.trial_id and named.key = 'name'
    left join lateral (
      select i.step, i.intermediate_value from trial_intermediate_values i
      where i.trial_id = t.trial_id order by i.step desc limit 1) last on true
    left join lateral (
      select max(i.intermediate_value) as value from trial_intermediate_values i where i.trial_id = t.trial_id) top
      on true
    where t.study_id = :study_id and t.state = 'RUNNING' order by t.number""")

TIMES = text(f"""
    select avg(held.s) filter (where t.state in ('COMPLETE', 'PRUNED')) as mean, sum(held.s) as total
    from trials t join {HELD} held on held.trial_id = t.trial_id where t.study_id = :study_id""")


def study_status(db: Database, study_id: int) -> StudyStatus:
    """The study's figures, all of one snapshot."""
    with db.engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        times = connection.execute(TIMES, {"study_id": study_id}).one()
        return StudyStatus(
            counts=_counts(connection, study_id),
            leaders=_leaders(connection, study_id),
            running=_running(connection, study_id),
            mean_trial_s=None if times.mean is None else float(times.mean),
            device_s=float(times.total or 0),
        )


def count_waiting(db: Database, study_id: int) -> int:
    """How many enqueued trials no worker has begun."""
    with db.engine.connect() as connection:
        return int(connection.scalar(WAITING, {"study_id": study_id}) or 0)


def _counts(connection: Connection, study_id: int) -> Counts:
    names = {"FAIL": "failed"}
    rows = connection.execute(COUNTS, {"study_id": study_id})
    return Counts(**{names.get(row.state, row.state.lower()): row.trials for row in rows})


def _leaders(connection: Connection, study_id: int) -> tuple[Leader, ...]:
    rows = connection.execute(BEST, {"study_id": study_id})
    return tuple(Leader(row.trial_id, row.number, row.value, _attrs(connection, row.trial_id)) for row in rows.all())


def _attrs(connection: Connection, trial_id: int) -> dict[str, Any]:
    attrs = connection.execute(USER_ATTRS, {"trial_id": trial_id})
    return {attr.key: json.loads(attr.value_json) for attr in attrs}


def _running(connection: Connection, study_id: int) -> tuple[Running, ...]:
    rows = connection.execute(RUNNING, {"study_id": study_id})
    return tuple(
        Running(row.number, row.worker, row.step, row.value, row.best_value, row.device_s, json.loads(row.name))
        for row in rows
    )
