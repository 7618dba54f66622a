"""What optuna-dashboard tells of a trial, as JSON made from the database's own texts and not from Optuna's objects."""

import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from optuna.distributions import BaseDistribution, FloatDistribution, json_to_distribution
from optuna.trial import TrialState
from optuna_dashboard._serializer import serialize_distribution

from storage.database.trial_rows import local_time
from storage.database.trial_texts import FIELD, ITEM, NUMBER_FIELD

SEPARATOR = ", "  # as Python's own JSON has it
VALUES = re.compile(f"(?<=[{FIELD}{NUMBER_FIELD}])[^{ITEM}]*")  # of attributes


@dataclass(frozen=True)
class Shape:
    """What the summary of a study takes from a trial. The trials of a study have few different ones."""

    parameters: str  # items of a name and a distribution
    attributes: str  # items of a key, after which stands NUMBER_FIELD or FIELD
    has_reports: bool
    failed: bool

    def distributions(self) -> dict[str, BaseDistribution]:
        """Those of its parameters, by name."""
        pairs = (item.split(FIELD) for item in split_items(self.parameters))
        return {json.loads(name): json_to_distribution(encoded) for name, encoded in pairs}

    def numbers(self) -> dict[str, bool]:
        """By the key of a user attribute, whether it is a number."""
        return {json.loads(item[:-1]): item[-1] == NUMBER_FIELD for item in split_items(self.attributes)}


@dataclass(frozen=True)
class Told:
    """A trial as the dashboard tells it."""

    trial_id: int
    state: TrialState
    value: float | None  # of the first objective
    artifacts: str  # the items of a JSON list
    text: bytes  # a JSON object without its end and without note and artifacts, which change after the trial's end

    def rest(self, note: dict[str, Any], artifacts: list[str]) -> bytes:
        """The end of the object; `artifacts` are objects as JSON, which come before the trial's own."""
        listed = SEPARATOR.join(filter(None, [*artifacts, self.artifacts]))
        return f', "note": {json.dumps(note)}, "artifacts": [{listed}]}}'.encode()


def tell_trial(study_id: int, row: Any) -> tuple[Told, Shape]:
    """A trial from a row of `read_trials`."""
    parameters = [item.split(FIELD) for item in split_items(row.params)]
    attributes: str = row.user_attrs or ""
    system: dict[str, Any] = json.loads(row.system_attrs or "{}")
    fixed = system.get("fixed_params", {})
    fields = {
        "trial_id": str(row.trial_id),
        "study_id": str(study_id),
        "number": str(row.number),
        "state": json.dumps(row.state.capitalize()),
        "params": _list(_tell_parameter(*parameter) for parameter in parameters),
        "fixed_params": json.dumps([{"name": name, "param_external_value": str(fixed[name])} for name in fixed]),
        "user_attrs": _tell_attributes(attributes),
        "constraints": json.dumps(system.get("constraints", [])),
        "intermediate_values": f"[{row.reports or ''}]",
    }
    if row.objective_values is not None:
        values = [value if math.isfinite(value) else str(value) for value in row.objective_values]
        fields["values"] = json.dumps(values)
    for name, time in (("datetime_start", row.datetime_start), ("datetime_complete", row.datetime_complete)):
        if (local := local_time(time)) is not None:
            fields[name] = json.dumps(local.isoformat())
    told = Told(
        trial_id=row.trial_id,
        state=TrialState[row.state],
        value=row.objective_values[0] if row.objective_values else None,
        artifacts=SEPARATOR.join(list_artifacts(system)),
        text=("{" + SEPARATOR.join(f'"{name}": {value}' for name, value in fields.items())).encode(),
    )
    shape = Shape(
        parameters=ITEM.join(name + FIELD + distribution for name, _, distribution in parameters),
        attributes=VALUES.sub("", attributes),
        has_reports=bool(row.reports),
        failed=told.state == TrialState.FAIL,
    )
    return told, shape


def list_artifacts(attributes: dict[str, Any], prefix: str = "artifacts:") -> list[str]:
    """The artifacts among attributes, each a JSON object; a deleted one has null in its place, and is left out."""
    return [value for key, value in attributes.items() if key.startswith(prefix) and value != "null"]


def split_items(text: str | None) -> list[str]:
    """The items of a text of `read_trials`."""
    return text.split(ITEM) if text else []


def _list(items: Iterable[str]) -> str:
    return f"[{SEPARATOR.join(items)}]"


def _tell_attributes(text: str) -> str:
    if not text:
        return "[]"
    text = text.replace(ITEM, '}, {"key": ').replace(FIELD, ', "value": ').replace(NUMBER_FIELD, ', "value": ')
    return f'[{{"key": {text}}}]'


def _tell_parameter(name: str, value: str, distribution: str) -> str:
    start, end, is_float = _frame_parameter(name, distribution)
    if not is_float:
        return _tell_discrete(name, value, distribution)
    number = value if "." in value and "e" not in value else repr(float(value))  # others are spelled in another way
    return f'{start}"param_internal_value": {number}, "param_external_value": "{number}", {end}'


@lru_cache(maxsize=4096)
def _frame_parameter(name: str, encoded: str) -> tuple[str, str, bool]:
    """What stands before and after the values of a number, and whether the parameter is one with a fraction."""
    distribution = json_to_distribution(encoded)
    end = f'"param_external_pytyp": "{float}", "distribution": {json.dumps(serialize_distribution(distribution))}}}'
    return f'{{"name": {name}, ', end, isinstance(distribution, FloatDistribution)


@lru_cache(maxsize=4096)
def _tell_discrete(name: str, value: str, encoded: str) -> str:
    distribution = json_to_distribution(encoded)
    chosen = distribution.to_external_repr(float(value))
    told = {
        "name": json.loads(name),
        "param_internal_value": distribution.to_internal_repr(chosen),
        "param_external_value": str(chosen),
        "param_external_pytyp": str(type(chosen)),
        "distribution": serialize_distribution(distribution),
    }
    return json.dumps(told)
