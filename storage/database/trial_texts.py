"""The trials of a study as text, read by one statement: what JSON is made of, without an object for each value.

A trial's parameters and attributes come as one text each, with separators that no JSON has in it, and its reports as
JSON: PostgreSQL puts them together, which takes a tenth of the time that rows and objects take.
"""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import text

from storage.database.connection import Database
from storage.database.trial_rows import ATTRIBUTES, NUMBER

NUMBER_FIELD, ITEM, FIELD = "\x1d", "\x1e", "\x1f"  # before a number, between items, before any other field of an item
MAX_ATTRIBUTE = 1024  # characters of an attribute that is no text

_SYSTEM = ATTRIBUTES.format(
    id="trial_system_attribute_id",
    table="trial_system_attributes",
    condition="(a.key in ('fixed_params', 'constraints') or a.key like 'artifacts:%')",
)
# An attribute's value as a text, after the separator: a text as it is, and Python's spelling of anything else.
_SPELLED = f"""
  case when a.value_json like '"%' then chr(31) || a.value_json
    when a.value_json = 'true' then chr(31) || '"True"'
    when a.value_json = 'false' then chr(31) || '"False"'
    when a.value_json = 'NaN' then chr(29) || '"nan"'
    when a.value_json = 'Infinity' then chr(29) || '"inf"'
    when a.value_json = '-Infinity' then chr(29) || '"-inf"'
    when left(a.value_json, 1) in ('-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9')
      then chr(29) || '"' || a.value_json || '"'
    else chr(31) || to_json(left(a.value_json, {MAX_ATTRIBUTE}))::text end"""
_TRIALS = text(f"""
    select t.trial_id, t.number, t.state::text as state, t.datetime_start, t.datetime_complete,
      (select array_agg({NUMBER.format(column="v.value")} order by v.objective)
       from trial_values v where v.trial_id = t.trial_id) as objective_values,
      (select string_agg(
         to_json(p.param_name)::text || chr(31) || p.param_value::text || chr(31) || p.distribution_json, chr(30)
         order by p.param_id)
       from trial_params p where p.trial_id = t.trial_id) as params,
      (select string_agg(to_json(a.key)::text || {_SPELLED}, chr(30) order by a.trial_user_attribute_id)
       from trial_user_attributes a where a.trial_id = t.trial_id) as user_attrs,
      (select string_agg(
         '{{"step": ' || i.step || ', "value": '
         || case i.intermediate_value_type when 'FINITE' then i.intermediate_value::text
            when 'INF_POS' then '"inf"' when 'INF_NEG' then '"-inf"' else '"nan"' end || '}}', ', '
         order by i.step)
       from trial_intermediate_values i where i.trial_id = t.trial_id) as reports,
      {_SYSTEM} as system_attrs
    from trials t
    where t.trial_id = any(:trial_ids) order by t.trial_id""")
_STUDIES = text("select study_id from studies order by study_id desc")
_IDS = text("""
    select trial_id from trials where study_id = :study_id and (trial_id > :after or trial_id = any(:included))
    order by trial_id""")

# The id in `dashboard:ID:...` and `dashboard:artifacts:ID:...`; no number in attributes of the study itself.
_TRIAL_OF = """
    case when a.key like 'dashboard:%' then
      split_part(a.key, ':', case when a.key like 'dashboard:artifacts:%' then 3 else 2 end) else '' end"""
_STUDY_ATTRIBUTES = text(f"""
    select a.key, a.value_json, o.trial_id from study_system_attributes a
    cross join lateral (select {_TRIAL_OF} as trial_id) o
    where a.study_id = :study_id and (translate(o.trial_id, '0123456789', '') <> '' or o.trial_id = ''
      or cast(:trial_ids as text[]) is null or o.trial_id = any(cast(:trial_ids as text[])))
    order by a.study_system_attribute_id""")


def list_studies(db: Database) -> list[int]:
    """The ids of all studies, the latest first."""
    with db.engine.connect() as connection:
        return list(connection.scalars(_STUDIES))


def list_trials(db: Database, study_id: int, after: int, included: Collection[int]) -> list[int]:
    """The ids of the study's trials, in order: those larger than `after`, and the `included` ones."""
    with db.engine.connect() as connection:
        row = {"study_id": study_id, "after": after, "included": list(included)}
        return list(connection.scalars(_IDS, row))


def read_trials(db: Database, trial_ids: Collection[int]) -> Sequence[Any]:
    """Rows of trials by id.

    Each has `trial_id`, `number`, `state`, times in UTC, `objective_values`, and texts, None where there are none:

    - `params`: items of a name as JSON, a number, and a distribution as JSON;
    - `user_attrs`: items of a key and a text, both as JSON, with NUMBER_FIELD between them where it is a number's;
    - `reports`: objects with `step` and `value`, with commas between them, by step;
    - `system_attrs`: an object of those that the dashboard shows.
    """
    with db.engine.connect() as connection:
        return connection.execute(_TRIALS, {"trial_ids": list(trial_ids)}).all()


def read_study_attributes(db: Database, study_id: int, trial_ids: Collection[int] | None) -> Sequence[Any]:
    """A study's system attributes, its own and those of the trials; None: of all trials.

    Each row has `key`, `value_json` and `trial_id`: the digits of a trial's id where it is one of a trial's.
    """
    ids = None if trial_ids is None else [str(trial_id) for trial_id in trial_ids]
    with db.engine.connect() as connection:
        return connection.execute(_STUDY_ATTRIBUTES, {"study_id": study_id, "trial_ids": ids}).all()
