"""Optuna's trials read by one statement, where its storage takes a query for each table and an object for each row.

The statement makes one row of a trial: its parameters, values and reports as arrays, its attributes as JSON. So it sees
one snapshot, and a study of 10,000 trials of 50 epochs takes seconds instead of half a minute.
"""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any

from optuna.distributions import BaseDistribution, json_to_distribution
from optuna.storages._rdb import models
from optuna.trial import FrozenTrial, TrialState

# The columns of Optuna's tables that the statement was written for.
COLUMNS = {
    "trials": {"trial_id", "number", "study_id", "state", "datetime_start", "datetime_complete"},
    "trial_params": {"param_id", "trial_id", "param_name", "param_value", "distribution_json"},
    "trial_values": {"trial_value_id", "trial_id", "objective", "value", "value_type"},
    "trial_user_attributes": {"trial_user_attribute_id", "trial_id", "key", "value_json"},
    "trial_system_attributes": {"trial_system_attribute_id", "trial_id", "key", "value_json"},
    "trial_intermediate_values": {
        "trial_intermediate_value_id",
        "trial_id",
        "step",
        "intermediate_value",
        "intermediate_value_type",
    },
}
VALUE_TYPES = {"FINITE", "INF_POS", "INF_NEG"}  # of a trial's values; a report's value may also be NAN

# JSON may have NaN in it, as Python writes it, which PostgreSQL's own JSON refuses: the object is put together as text.
ATTRIBUTES = """
  (select '{{' || string_agg(to_json(a.key)::text || ':' || a.value_json, ',' order by a.{id}) || '}}'
   from {table} a where a.trial_id = t.trial_id and {condition})"""
NUMBER = """
  case {column}_type when 'INF_POS' then 'infinity' when 'INF_NEG' then '-infinity' when 'FINITE' then {column}
  else 'nan' end"""


def select_trials(chosen: str, *, reports: str = "true", user: str = "true", system: str = "true") -> str:
    """The statement for the trials of a query.

    Args:
        chosen: the query, whose rows have a `trial_id`.
        reports: the condition on a report `i` of a trial `t` to be read.
        user: the same for a user attribute `a`.
        system: the same for a system attribute `a`.
    """
    user = ATTRIBUTES.format(id="trial_user_attribute_id", table="trial_user_attributes", condition=user)
    system = ATTRIBUTES.format(id="trial_system_attribute_id", table="trial_system_attributes", condition=system)
    value = NUMBER.format(column="v.value")
    report = NUMBER.format(column="i.intermediate_value")
    return f"""
        select t.trial_id, t.number, t.state::text as state, t.datetime_start, t.datetime_complete,
          v.objective_values, p.param_names, p.param_values, p.distributions, i.steps, i.reports,
          {user} as user_attrs, {system} as system_attrs
        from trials t
        cross join lateral (
          select array_agg({value} order by v.objective) as objective_values
          from trial_values v where v.trial_id = t.trial_id) v
        cross join lateral (
          select array_agg(p.param_name order by p.param_id) as param_names,
            array_agg(p.param_value order by p.param_id) as param_values,
            array_agg(p.distribution_json order by p.param_id) as distributions
          from trial_params p where p.trial_id = t.trial_id) p
        cross join lateral (
          select array_agg(i.step order by i.step) as steps, array_agg({report} order by i.step) as reports
          from trial_intermediate_values i where i.trial_id = t.trial_id and {reports}) i
        where t.trial_id in ({chosen}) order by t.trial_id"""


@cache
def suits_optuna() -> bool:
    """Whether the installed Optuna has the tables that the statement reads, and no column or kind of value more."""
    tables = models.BaseModel.metadata.tables
    types = models.TrialValueModel.TrialValueType.__members__
    report_types = models.TrialIntermediateValueModel.TrialIntermediateValueType.__members__
    return (
        all(name in tables and set(tables[name].columns.keys()) == columns for name, columns in COLUMNS.items())
        and set(types) == VALUE_TYPES
        and set(report_types) == VALUE_TYPES | {"NAN"}
    )


def make_trials(rows: Iterable[Any]) -> list[FrozenTrial]:
    """The trials of the statement's rows. Equal distributions are one object, which nobody changes."""
    return [_make_trial(row) for row in rows]


def _make_trial(row: Any) -> FrozenTrial:
    names: list[str] = row.param_names or []
    distributions = dict(zip(names, map(_parse_distribution, row.distributions or ()), strict=True))
    params = zip(names, row.param_values or (), strict=True)
    return FrozenTrial(
        number=row.number,
        state=TrialState[row.state],
        value=None,
        values=row.objective_values,
        datetime_start=local_time(row.datetime_start),
        datetime_complete=local_time(row.datetime_complete),
        params={name: distributions[name].to_external_repr(value) for name, value in params},
        distributions=distributions,
        user_attrs=json.loads(row.user_attrs or "{}"),
        system_attrs=json.loads(row.system_attrs or "{}"),
        intermediate_values=dict(zip(row.steps or (), row.reports or (), strict=True)),
        trial_id=row.trial_id,
    )


@lru_cache(maxsize=4096)
def _parse_distribution(encoded: str) -> BaseDistribution:
    return json_to_distribution(encoded)


def local_time(stored: datetime | None) -> datetime | None:
    """A time of this host's zone, without it, as Optuna has them; in the database they are UTC."""
    return None if stored is None else stored.replace(tzinfo=UTC).astimezone().replace(tzinfo=None)
