"""What a trial's parameters are for people: also those that Optuna does not know, of a start outside the space."""

from collections.abc import Mapping
from typing import Any

from optuna.trial import FrozenTrial

from storage.studies.attributes import TrialAttributes


def list_parameters(trial: FrozenTrial) -> dict[str, Any]:
    """The trial's value on each axis that applies, by path; those outside their axes come last."""
    attributes = TrialAttributes.read(trial.user_attrs)
    tables = attributes.config or attributes.base or {}
    outside = {path: _find(tables, path) for path in attributes.outside}
    return trial.params | {path: value for path, value in outside.items() if value is not None}


def _find(tables: Mapping[str, Any], path: str) -> Any:
    name, _, key = path.partition(".")
    table = tables.get(name)
    return table.get(key) if isinstance(table, Mapping) else None
