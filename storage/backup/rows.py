"""What a row of a backup must be: every value of its column's type, and readable for Optuna and for us.

Optuna reads all values of a study at once, and its dashboard those of all studies: one that cannot be read hides the
others.
"""

import json
import re
import warnings
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from storage.artifacts.record import PREFIX, check_record, read_record

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

MAX_DEPTH = 50  # of nested JSON; Python's parser gives up at some hundred
MAX_DISTRIBUTION = 1 << 18  # characters

# An artifact of a study or trial, or one of a trial as older dashboards name it.
_ARTIFACT_KEY = re.compile(rf"(?:{PREFIX}|dashboard:artifacts:[0-9]+:)(.*)", re.DOTALL)
_NOTE_KEY = re.compile(r"dashboard:(?:[0-9]+:)?note_(ver|str:(.*))", re.DOTALL)
_CHUNK = re.compile(r"[0-9]{1,6}")


def check_row(table: str, row: Mapping[str, Any]) -> None:
    """Raises ValueError where a value cannot be one of its column; the message does not show the value."""
    try:
        _ROWS[table].model_validate(row)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        column = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{column or 'a row'} of {table}: {first['msg'].removeprefix('Value error, ')}") from None


def named_artifact(key: str) -> str | None:
    """The id of the artifact whose record a system attribute is, by the attribute's key."""
    found = _ARTIFACT_KEY.fullmatch(key)
    return found[1] if found else None


def _check_text(text: str) -> str:
    if "\0" in text:
        raise ValueError("text must have no zero bytes")
    return text


def _check_time(text: str) -> str:
    datetime.fromisoformat(text)
    return text


def _check_json(text: str) -> str:
    _check_depth(json.loads(_check_text(text)))
    return text


def _check_depth(value: Any) -> None:
    pending = [(value, 0)]
    while pending:
        value, depth = pending.pop()
        if depth > MAX_DEPTH:
            raise ValueError(f"JSON must be nested at most {MAX_DEPTH} deep")
        if isinstance(value, dict | list):
            pending.extend((part, depth + 1) for part in (value.values() if isinstance(value, dict) else value))


def _check_question(question: dict[str, Any]) -> dict[str, Any]:
    _check_depth(question)
    text = json.dumps(question, ensure_ascii=False, allow_nan=False).encode()  # which refuses half a pair of surrogates
    if b"\\u0000" in text:
        raise ValueError("text must have no zero bytes")
    return question


@lru_cache(maxsize=100)  # trials have the same ones
def _read_distribution(text: str) -> "BaseDistribution":
    from optuna.distributions import json_to_distribution

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of choices that other storages cannot hold
        try:
            return json_to_distribution(text)
        except Exception as error:  # whatever its text makes Optuna's constructors raise
            raise ValueError(f"it must be a distribution of Optuna: {error}") from None


Id = Annotated[int, Field(ge=0, lt=2**31)]
Count = Annotated[int, Field(ge=0, lt=2**31)]
Step = Annotated[int, Field(ge=-(2**31), lt=2**31)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Text = Annotated[str, AfterValidator(_check_text)]
Name = Annotated[Text, Field(max_length=512)]
Time = Annotated[str, AfterValidator(_check_time)]
Json = Annotated[str, AfterValidator(_check_json)]
Question = Annotated[dict[str, Any], AfterValidator(_check_question)]


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class _Study(_Row):
    study_id: Id
    study_name: Name


class _Trial(_Row):
    trial_id: Id
    study_id: Id
    number: Count
    state: Literal["RUNNING", "WAITING", "COMPLETE", "PRUNED", "FAIL"]
    datetime_start: Time | None
    datetime_complete: Time | None


class _Direction(_Row):
    study_id: Id
    direction: Literal["NOT_SET", "MINIMIZE", "MAXIMIZE"]
    objective: Count


class _StudyAttribute(_Row):
    study_id: Id
    key: Name
    value_json: Json


class _TrialAttribute(_Row):
    trial_id: Id
    key: Name
    value_json: Json


class _System(_Row):
    """A system attribute: some are read by Optuna's dashboard, which names files and notes by them."""

    key: Name
    value_json: Json

    @model_validator(mode="after")
    def _check_meaning(self) -> Self:
        artifact_id = named_artifact(self.key)
        if artifact_id is not None:
            record = read_record(artifact_id, json.loads(self.value_json))
            if record is not None:
                check_record(record)
        elif note := _NOTE_KEY.fullmatch(self.key):
            _check_note(note, json.loads(self.value_json))
        return self


def _check_note(key: re.Match[str], value: Any) -> None:
    if key[1] == "ver":
        if type(value) is not int or not 0 <= value < 2**31 - 1:
            raise ValueError("a note's version must be a whole number")
    elif not _CHUNK.fullmatch(key[2]) or not isinstance(value, str):
        raise ValueError("a note must be text, in parts that are numbered")


class _StudySystemAttribute(_System):
    study_id: Id


class _TrialSystemAttribute(_System):
    trial_id: Id


class _Parameter(_Row):
    trial_id: Id
    param_name: Name
    param_value: Number
    distribution_json: Annotated[Text, Field(max_length=MAX_DISTRIBUTION)]

    @model_validator(mode="after")
    def _check_value(self) -> Self:
        distribution = _read_distribution(self.distribution_json)
        try:
            contained = distribution._contains(self.param_value)
        except (ArithmeticError, TypeError) as error:  # of limits that are no numbers, or of 400 digits
            raise ValueError(f"it must be a distribution of Optuna: {error}") from None
        if not contained:
            raise ValueError("the value must be one of its distribution")
        return self


class _Value(_Row):
    trial_id: Id
    objective: Count
    value: Number | None
    value_type: Literal["FINITE", "INF_POS", "INF_NEG"]

    @model_validator(mode="after")
    def _check_type(self) -> Self:
        _check_finite(self.value, self.value_type)
        return self


class _Report(_Row):
    trial_id: Id
    step: Step
    intermediate_value: Number | None
    intermediate_value_type: Literal["FINITE", "INF_POS", "INF_NEG", "NAN"]

    @model_validator(mode="after")
    def _check_type(self) -> Self:
        _check_finite(self.intermediate_value, self.intermediate_value_type)
        return self


def _check_finite(value: float | None, kind: str) -> None:
    if (value is None) == (kind == "FINITE"):
        raise ValueError("a value must be a number where it is finite, and else null")


class _Heartbeat(_Row):
    trial_id: Id
    heartbeat: Time


class _OwnStudy(_Row):
    study_id: Id
    question: Question | None
    budget: Count | None
    stop_reason: Text | None
    created: Time


class _Configuration(_Row):
    study_id: Id
    digest: Name
    trial_id: Id


_ROWS: Mapping[str, type[_Row]] = {
    "studies": _Study,
    "trials": _Trial,
    "study_directions": _Direction,
    "study_user_attributes": _StudyAttribute,
    "study_system_attributes": _StudySystemAttribute,
    "trial_user_attributes": _TrialAttribute,
    "trial_system_attributes": _TrialSystemAttribute,
    "trial_params": _Parameter,
    "trial_values": _Value,
    "trial_intermediate_values": _Report,
    "trial_heartbeats": _Heartbeat,
    "unet_search_studies": _OwnStudy,
    "unet_search_configurations": _Configuration,
}
