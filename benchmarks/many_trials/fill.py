"""A large study that no search has made: trials of the default space in every state, by SQL."""

import json
from pathlib import Path
from typing import Any

from optuna.distributions import BaseDistribution, distribution_to_json
from optuna.study import create_study as create_optuna_study
from sqlalchemy import text

from search.space.space import draw
from search.study.plan import load_plan
from search.study.question import question
from search.study.study import OpenStudy, create_study
from storage.database.connection import Database

NAME = "many"
NEW = 10_000  # trials that the budget leaves to be measured
RUNNING = 4  # trials that other workers hold

# Of 20 trials 11 are complete, 8 pruned and 1 failed; the last ones are running.
TRIALS = text("""
    insert into trials (number, study_id, state, datetime_start, datetime_complete)
    select n, :study_id,
      cast(case when n >= :trials - :running then 'RUNNING' when n % 20 = 7 then 'FAIL'
           when n % 5 in (1, 3) then 'PRUNED' else 'COMPLETE' end as trialstate),
      timestamp '2026-01-01' + n * interval '1 min',
      case when n < :trials - :running then timestamp '2026-01-01' + (n + 1) * interval '1 min' end
    from generate_series(0, :trials - 1) n""")
# One axis: numbers of a range, or places in a list of choices.
PARAM = """
    insert into trial_params (trial_id, param_name, param_value, distribution_json)
    select t.trial_id, :path, {value}, :distribution from trials t
    where t.study_id = :study_id and {condition} order by t.trial_id"""
EPOCHS = text("""
    insert into trial_intermediate_values (trial_id, step, intermediate_value, intermediate_value_type)
    select t.trial_id, epoch, (0.2 + 0.3 * exp(-power(log(cast(p.param_value as numeric)) + 2.7, 2)) + 0.1 * random())
      * (1 - exp(-epoch / 8.0)), 'FINITE'
    from trials t join trial_params p on p.trial_id = t.trial_id and p.param_name = 'optimizer.learning_rate',
      generate_series(1, case when t.state = 'COMPLETE' then 50 else 10 + t.number % 30 end) epoch
    where t.study_id = :study_id and t.state <> 'FAIL' order by t.trial_id, epoch""")
VALUES = text("""
    insert into trial_values (trial_id, objective, value, value_type)
    select distinct on (i.trial_id) i.trial_id, 0, i.intermediate_value, 'FINITE' from trial_intermediate_values i
    join trials t using (trial_id) where t.study_id = :study_id and t.state in ('COMPLETE', 'PRUNED')
    order by i.trial_id, i.step desc""")
ATTRIBUTES = text("""
    insert into trial_user_attributes (trial_id, key, value_json)
    select t.trial_id, a.key, a.value_json from trials t left join trial_values v using (trial_id),
    lateral (values
      ('worker', '"host:' || t.number % 64 || '"'), ('digest', '"' || md5(t.number\\:\\:text) || '"'),
      ('config', :config), ('device', '"NVIDIA H200"'), ('device_s', '612.125'), ('starts', '0'),
      ('cause', case when t.state = 'FAIL' then '"RuntimeError"' end),
      ('miou', to_json(v.value)::text), ('miou_keras', to_json(0.8 * v.value)::text),
      ('iou', json_build_array(null, v.value, 0.5, 0.25, 0.125)::text), ('best_epoch', '41'),
      ('epochs', '50'), ('stopped', '"budget"'), ('parameters', to_json(1000 + t.number)::text),
      ('seconds', '598.5'), ('images_per_second', '311.25'), ('images', '[2000, 500]'),
      ('names', '["rock", "soil", "bedrock", "sand", "big rock"]'), ('commit', '"0123456789abcdef"'),
      ('versions', '{"python": "3.11.9", "keras": "3.12.0", "tensorflow": "2.19.0"}')) a (key, value_json)
    where t.study_id = :study_id and a.value_json is not null order by t.trial_id""")
SYSTEM_ATTRIBUTES = text(r"""
    insert into trial_system_attributes (trial_id, key, value_json)
    select t.trial_id, a.key, a.value_json from trials t,
    lateral (values
      ('tpe\:relative_params\:0', to_json(cast(:params as text))::text), ('constraints\:parameters', '-0.25'),
      ('artifacts\:' || gen_random_uuid(), '"{\"filename\": \"curves.png\", \"mimetype\": \"image/png\"}"'),
      ('artifacts\:' || gen_random_uuid(), '"{\"filename\": \"gallery.png\", \"mimetype\": \"image/png\"}"'))
      a (key, value_json) where t.study_id = :study_id order by t.trial_id""")
RUNGS = text("""
    insert into trial_system_attributes (trial_id, key, value_json)
    select t.trial_id, 'completed_rung_' || r.rung, to_json(i.intermediate_value)::text
    from trials t join trial_intermediate_values i using (trial_id)
    join (values (0, 12), (1, 24), (2, 48)) r (rung, step) on r.step = i.step
    where t.study_id = :study_id order by t.trial_id, r.rung""")
NOTES = text(r"""
    insert into study_system_attributes (study_id, key, value_json)
    select study_id, 'dashboard\:' || trial_id || '\:' || a.key, a.value_json from trials,
    lateral (values ('note_ver', '1'), ('note_str\:0', to_json(repeat('A note. ', 60))::text)) a (key, value_json)
    where study_id = :study_id and state not in ('RUNNING', 'WAITING')""")
CONFIGURATIONS = text("""
    insert into unet_search_configurations (study_id, digest, trial_id)
    select study_id, md5(number\\:\\:text), trial_id from trials where study_id = :study_id and state <> 'FAIL'""")
SLOTS = text("""
    insert into unet_search_slots (slot, study_id, trial_id, owner, worker, expires)
    select gen_random_uuid(), study_id, trial_id, gen_random_uuid(), 'host:' || number, now() + interval '1 day'
    from trials where study_id = :study_id and state = 'RUNNING'""")


def make_study(db: Database, trials: int) -> OpenStudy:
    """Creates the study NAME of so many trials of 50 epochs, and a budget with NEW more."""
    data = {"data.classes": 5, "data.ignore": 0}
    plan = load_plan(None, data, Path("none.npz"), {"name": NAME, "trials": trials + NEW})
    opened = create_study(db, plan, question(plan, "none", "tensorflow"))
    distributions, params = default_distributions(opened)
    row: dict[str, Any] = {"study_id": opened.study_id, "trials": trials, "running": RUNNING}
    row |= {"config": json.dumps(plan.base.model_dump(mode="json")), "params": json.dumps(params)}
    with db.engine.begin() as connection:
        connection.execute(text("select setseed(0.5)"))
        connection.execute(TRIALS, row)
        for path, distribution in distributions.items():
            statement = PARAM.format(value=value_sql(distribution), condition=condition_sql(path))
            encoded = distribution_to_json(distribution)
            connection.execute(text(statement), row | {"path": path, "distribution": encoded})
        for each in (EPOCHS, VALUES, ATTRIBUTES, SYSTEM_ATTRIBUTES, RUNGS, NOTES, CONFIGURATIONS, SLOTS):
            connection.execute(each, row)
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("vacuum analyze"))  # as the server does by itself, some minutes later
    return opened


def default_distributions(opened: OpenStudy) -> tuple[dict[str, BaseDistribution], dict[str, Any]]:
    """Every axis that some trial of the study has, by path, and the values of one trial."""
    study = create_optuna_study()
    study.enqueue_trial({"loss.name": "focal_tversky"})
    trial = study.ask()
    draw(trial, opened.plan.space, opened.plan.base)
    return trial.distributions, trial.params


def value_sql(distribution: BaseDistribution) -> str:
    """A random value of the distribution, as Optuna stores it."""
    if (choices := getattr(distribution, "choices", None)) is not None:
        return f"floor(random() * {len(choices)})"
    low, high = getattr(distribution, "low"), getattr(distribution, "high")  # noqa: B009 - of numbers alone
    value = f"{low} + random() * {high - low}"
    if getattr(distribution, "log", False):
        value = f"exp(ln({low}) + random() * (ln({high}) - ln({low})))"
    return f"round({value})" if isinstance(low, int) else value


def condition_sql(path: str) -> str:
    """Which trials have the axis: that of a loss's own parameter those alone of the last loss."""
    if path != "loss.gamma":
        return "true"
    return (
        "exists (select from trial_params l where l.trial_id = t.trial_id and l.param_name = 'loss.name' "
        "and l.param_value = 3)"
    )
