"""The values with which trials reached the rungs of successive halving, as Optuna's pruner keeps them."""

import json

from sqlalchemy import text

from storage.database.connection import Database

_RUNGS = text(r"""
    select a.trial_id, a.key, a.value_json from trials t join trial_system_attributes a on a.trial_id = t.trial_id
    where t.study_id = :study_id and a.key like 'completed\_rung\_%' order by a.trial_id""")


def read_rungs(db: Database, study_id: int) -> list[dict[str, float]]:
    """Of each trial that has reached a rung, its values by the rung's attribute."""
    rungs: dict[int, dict[str, float]] = {}
    with db.engine.connect() as connection:
        for row in connection.execute(_RUNGS, {"study_id": study_id}):
            rungs.setdefault(row.trial_id, {})[row.key] = json.loads(row.value_json)
    return list(rungs.values())
