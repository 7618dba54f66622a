"""Figures of a study, read by SQL: milliseconds for 10,000 trials, for which Optuna takes half a minute."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, text

from storage.database.connection import Database
from storage.studies.attributes import NOT_TRAINED, TrialAttributes, attribute_key, study_attribute_key
from storage.studies.leases import LIVE
from storage.studies.resampled import Values, read_resampled

LEADERS = 5


@dataclass(frozen=True)
class Counts:
    """Numbers of trials by state; `failed` without duplicates, which were drawn and not trained."""

    complete: int = 0
    pruned: int = 0
    running: int = 0
    waiting: int = 0
    failed: int = 0


@dataclass(frozen=True)
class Leader:
    """One of the COMPLETE trials with the highest values."""

    trial_id: int
    number: int
    value: float
    attributes: TrialAttributes
    resampled: Values = ()  # its value in draws of the validation side; the same draws for all trials of a study

    @property
    def name(self) -> str | None:
        """The name of the configuration that it was enqueued with; None for one that was drawn."""
        return self.attributes.name

    @property
    def miou(self) -> float:
        """Its mean IoU; of a trial that an older version trained, the value."""
        return self.value if self.attributes.miou is None else self.attributes.miou


@dataclass(frozen=True)
class Running:
    """A RUNNING trial. `epoch` and `value` are of the last report; None before the first, `value` also for NaN."""

    number: int
    worker: str | None  # None while no worker holds it
    epoch: int | None
    value: float | None
    best_value: float | None  # the highest that was reported
    device_s: float  # how long it was trained, up to its last epoch
    name: str | None = None  # of the configuration that it was enqueued with


@dataclass(frozen=True)
class StudyStatus:
    """A study's figures at one moment. Times in seconds."""

    counts: Counts
    leaders: tuple[Leader, ...]  # at most LEADERS, best first
    running: tuple[Running, ...]
    mean_trial_s: float | None  # mean time of complete and pruned trials on a device; None before the first
    device_s: float  # of all trials together, of running ones up to their last epoch
    question: Mapping[str, Any] = field(default_factory=dict)  # of the study; empty where another program made it
    confirmed: Any = None  # see `search/study/confirmed.py`

    @property
    def best(self) -> Leader | None:
        """The trial of the highest value, the first of equal ones."""
        return next(iter(self.leaders), None)


@dataclass(frozen=True)
class Totals:
    """A study's totals at one moment."""

    epochs: int  # that trials reported; one that is trained twice, after an interruption, counts once
    budget: int | None  # trials; None where none was set
    workers: int  # with a live slot, on all hosts


_CONFIRMED = text(f"""
    select value_json from study_user_attributes
    where study_id = :study_id and key = {study_attribute_key("confirmed")}""")
_QUESTION = text("select question from unet_search_studies where study_id = :study_id")

# Counts trials by state, without those that were not trained.
_COUNTS = text(f"""
    select t.state::text as state, count(*) as trials from trials t
    where t.study_id = :study_id and not (t.state = 'FAIL' and exists (
      select from trial_user_attributes a
      where a.trial_id = t.trial_id and a.key = {attribute_key("cause")} and a.value_json = any(:not_trained)))
    group by t.state""")

# The leaders; infinite values are left out.
_LEADERS = text(f"""
    select t.trial_id, t.number, v.value from trials t join trial_values v on v.trial_id = t.trial_id
    where t.study_id = :study_id and t.state = 'COMPLETE' and v.objective = 0 and v.value_type = 'FINITE'
    order by v.value desc, t.number limit {LEADERS}""")
_GET_ATTRIBUTES = text("select key, value_json from trial_user_attributes where trial_id = :trial_id order by key")

_COUNT_WAITING = text("select count(*) from trials where study_id = :study_id and state = 'WAITING'")

# Each trial's time on a device in seconds, from a JSON number; what another program wrote may be none.
_DEVICE_TIME = f"""(
    select trial_id,
      case when value_json ~ '^[0-9]{{1,12}}([.][0-9]+)?(e-[0-9]{{1,2}})?$' then value_json::float8 end as s
    from trial_user_attributes where key = {attribute_key("device_s")})"""

# Running trials with their worker, their last report and their best value.
_RUNNING = text(f"""
    select t.number, s.worker, last.step, last.intermediate_value as value, top.value as best_value,
      coalesce(trained.s, 0) as device_s, coalesce(named.value_json, 'null') as name
    from trials t
    left join unet_search_slots s on s.trial_id = t.trial_id and s.owner is not null
    left join {_DEVICE_TIME} trained on trained.trial_id = t.trial_id
    left join trial_user_attributes named on named.trial_id = t.trial_id and named.key = {attribute_key("name")}
    left join lateral (
      select i.step, i.intermediate_value from trial_intermediate_values i
      where i.trial_id = t.trial_id order by i.step desc limit 1) last on true
    left join lateral (
      select max(i.intermediate_value) as value from trial_intermediate_values i where i.trial_id = t.trial_id) top
      on true
    where t.study_id = :study_id and t.state = 'RUNNING' order by t.number""")

# The mean time of finished trials, and the time of all.
_TIMES = text(f"""
    select avg(trained.s) filter (where t.state in ('COMPLETE', 'PRUNED')) as mean, sum(trained.s) as total
    from trials t join {_DEVICE_TIME} trained on trained.trial_id = t.trial_id where t.study_id = :study_id""")

# Totals. The join makes PostgreSQL read the reports of this study alone.
_TOTALS = text(f"""
    select
      (select count(*) from trials t join trial_intermediate_values i on i.trial_id = t.trial_id
       where t.study_id = :study_id) as epochs,
      (select budget from unet_search_studies where study_id = :study_id) as budget,
      (select count(distinct s.owner) from unet_search_slots s where s.study_id = :study_id and {LIVE}) as workers""")


def study_status(db: Database, study_id: int) -> StudyStatus:
    """The study's figures, of one snapshot."""
    with db.engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        times = connection.execute(_TIMES, {"study_id": study_id}).one()
        return StudyStatus(
            counts=_counts(connection, study_id),
            leaders=read_leaders(connection, study_id),
            running=_running(connection, study_id),
            mean_trial_s=None if times.mean is None else float(times.mean),
            device_s=float(times.total or 0),
            question=_question(connection, study_id),
            confirmed=json.loads(connection.scalar(_CONFIRMED, {"study_id": study_id}) or "null"),
        )


def study_totals(db: Database, study_id: int) -> Totals:
    """The study's totals."""
    with db.engine.connect() as connection:
        row = connection.execute(_TOTALS, {"study_id": study_id}).one()
    return Totals(row.epochs, row.budget, row.workers)


def running_trials(db: Database, study_id: int) -> tuple[Running, ...]:
    """The study's running trials."""
    with db.engine.connect() as connection:
        return _running(connection, study_id)


def count_waiting(db: Database, study_id: int) -> int:
    """How many enqueued trials wait for a worker."""
    with db.engine.connect() as connection:
        return int(connection.scalar(_COUNT_WAITING, {"study_id": study_id}) or 0)


def read_leaders(connection: Connection, study_id: int) -> tuple[Leader, ...]:
    """The study's leaders, best first."""
    rows = connection.execute(_LEADERS, {"study_id": study_id}).all()
    resampled = read_resampled(connection, [row.trial_id for row in rows])
    return tuple(
        Leader(
            row.trial_id,
            row.number,
            row.value,
            read_attributes(connection, row.trial_id),
            resampled.get(row.trial_id, ()),
        )
        for row in rows
    )


def read_attributes(connection: Connection, trial_id: int) -> TrialAttributes:
    """The attributes of a trial, by Optuna's id."""
    attrs = connection.execute(_GET_ATTRIBUTES, {"trial_id": trial_id})
    return TrialAttributes.read({attr.key: json.loads(attr.value_json) for attr in attrs})


def _counts(connection: Connection, study_id: int) -> Counts:
    names = {"FAIL": "failed"}
    causes = [json.dumps(cause) for cause in NOT_TRAINED]
    rows = connection.execute(_COUNTS, {"study_id": study_id, "not_trained": causes})
    return Counts(**{names.get(row.state, row.state.lower()): row.trials for row in rows})


def _question(connection: Connection, study_id: int) -> Mapping[str, Any]:
    found = connection.scalar(_QUESTION, {"study_id": study_id})
    return found if isinstance(found, dict) else {}


def _running(connection: Connection, study_id: int) -> tuple[Running, ...]:
    rows = connection.execute(_RUNNING, {"study_id": study_id})
    return tuple(
        Running(row.number, row.worker, row.step, row.value, row.best_value, row.device_s, json.loads(row.name))
        for row in rows
    )
