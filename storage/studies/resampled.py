"""The value of a trial in draws of its validation side, which tell how sure it is to be better than another trial.

A system attribute: user attributes are columns of the dashboard's tables.
"""

import json
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from sqlalchemy import Connection, text

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

KEY = "unet_search:resampled"
MOST = 10_000  # values of a trial; more are not ours

_READ = text(f"""
    select trial_id, value_json from trial_system_attributes where key = '{KEY}' and trial_id = any(:trials)""")

Values = tuple[float, ...]


def write_resampled(storage: "BaseStorage", trial_id: int, values: Sequence[float]) -> None:
    """Writes a trial's value in each draw."""
    storage.set_trial_system_attr(trial_id, KEY, list(values))


def read_resampled(connection: Connection, trials: Collection[int]) -> dict[int, Values]:
    """The values of those trials, by Optuna's ids, that have any; what another program wrote is left out."""
    rows = connection.execute(_READ, {"trials": list(trials)})
    found = {row.trial_id: parse_resampled(json.loads(row.value_json)) for row in rows}
    return {trial_id: values for trial_id, values in found.items() if values}


def parse_resampled(value: object) -> Values:
    """The values of an attribute; none where it is not a list of numbers."""
    if not isinstance(value, list) or len(value) > MOST:
        return ()
    return tuple(map(float, value)) if all(isinstance(each, int | float) for each in value) else ()
