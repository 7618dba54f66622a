"""Studies that no search has made: any number of trials in a moment, by SQL."""

from sqlalchemy import text

from search.study.study import OpenStudy
from storage.database.connection import Database

# Every fifth trial is pruned at its fifth epoch. The value is decided by the learning rate, the width is noise.
TRIALS = text("""
    insert into trials (number, study_id, state, datetime_start, datetime_complete)
    select n, :study_id, cast(case when n % 5 = 4 then 'PRUNED' else 'COMPLETE' end as trialstate),
      timestamp '2026-01-01' + n * interval '1 min', timestamp '2026-01-01' + (n + 1) * interval '1 min'
    from generate_series(0, :trials - 1) n""")
PARAMS = text("""
    insert into trial_params (trial_id, param_name, param_value, distribution_json)
    select trial_id, 'optimizer.learning_rate', 0.0001 + 0.0999 * (number * 37 % 101) / 101,
      '{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0001, "high": 0.1, "log": true}}'
    from trials where study_id = :study_id
    union all
    select trial_id, 'model.width', number * 7 % 3,
      '{"name": "CategoricalDistribution", "attributes": {"choices": [8, 16, 32]}}'
    from trials where study_id = :study_id""")
EPOCHS = text("""
    insert into trial_intermediate_values (trial_id, step, intermediate_value, intermediate_value_type)
    select trial_id, epoch, (0.3 + 0.4 * (number * 37 % 101) / 101) * (1 - exp(-epoch / 8.0)) + number / 1e7, 'FINITE'
    from trials, generate_series(1, :epochs) epoch
    where study_id = :study_id and (state = 'COMPLETE' or epoch <= 5)""")
VALUES = text("""
    insert into trial_values (trial_id, objective, value, value_type)
    select trial_id, 0, max(intermediate_value), 'FINITE' from trial_intermediate_values
    join trials using (trial_id) where study_id = :study_id group by trial_id""")
ATTRIBUTES = text("""
    insert into trial_user_attributes (trial_id, key, value_json)
    select trial_id, a.key, a.value_json from trials join trial_values v using (trial_id),
    lateral (values
      ('miou_keras', to_json(0.8 * v.value)::text), ('iou', json_build_array(null, v.value, 0.5, 0.25, 0)::text),
      ('best_epoch', '3'), ('parameters', to_json(1000 + number)::text), ('device_s', '60.0'),
      ('seconds', '50.0'), ('device', '"cpu, 2 threads"')) a (key, value_json)
    where study_id = :study_id""")


def fill(db: Database, opened: OpenStudy, trials: int, epochs: int = 6) -> None:
    """Gives an empty study of the space of `tests/e2e/conftest.py` that many finished trials."""
    with db.engine.begin() as connection:
        for statement in (TRIALS, PARAMS, EPOCHS, VALUES, ATTRIBUTES):
            connection.execute(statement, {"study_id": opened.study_id, "trials": trials, "epochs": epochs})
