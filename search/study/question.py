"""The question of a study: what it asks, as flat JSON, frozen when the study is made, compared by whoever joins it.

An older version's question lacks the fields that came later. Such a field has the value that made no difference when it
came: today's default, unless UPGRADES says otherwise. So whoever changes what a default does, or renames a field,
raises SCHEMA, and writes there how a question of the schema before is asked in today's fields.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from search.space.parse import parse_space
from search.space.space import Space, space_tables
from search.study.location import PATHS, location_changes
from search.study.plan import ConstraintsTable, Plan, StudyTable
from storage.database.connection import Database
from storage.studies.study import freeze_question
from trainer.config import TrainConfig
from trainer.configfile import explain, flatten, override
from trainer.data.course import COURSE_IGNORE, COURSE_NAMES
from trainer.earlier import AS_BEFORE, to_today
from trainer.errors import InputError

SCHEMA = 6
DEFAULTS_OF_3: dict[str, Any] = {"train.model.dropout": 0.1, "train.optimizer.learning_rate": 0.002}  # now others
DEFAULTS_OF_4: dict[str, Any] = {"study.near_base": 0.0}
DEFAULTS_OF_5: dict[str, Any] = {"study.pruner": "median", "study.reduction_factor": 3}
# By schema, the whole question of a study of the schema before.
UPGRADES: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {
    2: lambda stored: _before_looking(stored),
    3: lambda stored: _before_steps(stored),
    4: lambda stored: DEFAULTS_OF_3 | stored,
    5: lambda stored: DEFAULTS_OF_4 | stored,
    6: lambda stored: DEFAULTS_OF_5 | stored,
}
# Axes of schema 2 whose values mean something else now, or nothing: `beta` was independent of `alpha`.
RENAMED_AXES = ("space.loss.class_weights", "space.loss.beta", "space.loss.alpha")
# By schema, the fields whose default it changed.
CHANGED: dict[int, tuple[str, ...]] = {
    3: tuple(f"train.{path}" for path in (*AS_BEFORE, "budget.patience")),
    4: tuple(DEFAULTS_OF_3),
    5: tuple(DEFAULTS_OF_4),
    6: tuple(DEFAULTS_OF_5),
}
TABLES = ("study.", "train.", "constraints.")  # whose keys are fields of ours; those of `space.` are axes


def question(plan: Plan, fingerprint: str, backend: str, deterministic: bool = False) -> dict[str, Any]:
    """What a plan asks. Name, budget, timeout, warm starts and the paths of the data are no part of it.

    The metric is the base's, `train.metric`.

    Args:
        fingerprint: of the data.
        backend: of Keras.
        deterministic: whether the same trial must give the same bits on the same machine.
    """
    study = plan.study.model_dump(exclude={"name", "trials", "timeout_s", "warm_start", "metric"})
    base = {path: value for path, value in flatten(plan.base).items() if path not in (*PATHS, "seed")}
    asked = (
        {"schema": SCHEMA, "data.fingerprint": fingerprint, "engine": backend, "deterministic": deterministic}
        | {f"study.{key}": value for key, value in study.items()}
        | {f"train.{path}": value for path, value in base.items()}
        | {f"space.{path}": table for path, table in space_tables(plan.space).items()}
        | {f"constraints.{key}": value for key, value in plan.constraints.model_dump().items()}
    )
    plain: dict[str, Any] = json.loads(json.dumps(asked))  # tuples become lists, as they come back from the database
    return plain


def check_question(db: Database, study_id: int, asked: Mapping[str, Any]) -> None:
    """Freezes the question of a new study; raises StorageError where a study's question differs, with both values."""
    freeze_question(db, study_id, dict(asked), complete_question)


def complete_question(stored: Mapping[str, Any]) -> dict[str, Any]:
    """A stored question with the fields that it lacks.

    Raises:
        InputError: a newer version made it, or an older one with a field that is no more.
    """
    schema = stored.get("schema", 1)
    if not isinstance(schema, int) or not 1 <= schema <= SCHEMA:
        raise InputError(f"a study must be of schema {SCHEMA} or older; got {schema!r}; install a newer unet-search")
    upgraded = dict(stored)
    for step in range(schema + 1, SCHEMA + 1):
        upgraded = UPGRADES[step](upgraded)
    known = _defaults()
    for key in upgraded:
        if key.startswith(TABLES) and key not in known:
            raise _no_more("fixes", key, upgraded[key])
    return known | upgraded | {"schema": SCHEMA}


def ask_as_before(stored: Mapping[str, Any] | None, asked: dict[str, Any]) -> dict[str, Any]:
    """What a command asks of a study that an earlier version made, None for a new one, or of its own.

    Where it asks for today's default of a field whose default has changed, it asks for what the study does.
    """
    if stored is None or stored.get("schema") == SCHEMA:
        return asked
    completed, defaults = complete_question(stored), _defaults()
    changed = [key for schema, keys in CHANGED.items() if schema > stored.get("schema", 1) for key in keys]
    return asked | {key: completed[key] for key in changed if asked.get(key) == defaults[key]}


def _before_looking(stored: dict[str, Any]) -> dict[str, Any]:
    """What schema 1 did with data at which nobody looked: whole images of 8 bits, labels as they are."""
    as_they_are: dict[str, Any] = {"train.data.scale": None, "train.data.patch": None}
    classes, ignore = stored.get("train.data.classes"), stored.get("train.data.ignore")
    if (classes, ignore) == (len(COURSE_NAMES), COURSE_IGNORE) and not stored.get("train.data.names"):
        as_they_are["train.data.names"] = list(COURSE_NAMES)
    return stored | as_they_are


def _before_steps(stored: dict[str, Any]) -> dict[str, Any]:
    """Schema 2, whose trainings had no steps and no averaged weights, and were judged by their best epoch."""
    for axis in RENAMED_AXES:
        if axis in stored:
            raise _no_more("searches", axis, stored[axis])
    tables: dict[str, Any] = {}
    for path, value in _strip_prefix(stored, "train.").items():
        name, is_table, key = path.partition(".")
        if is_table:
            tables.setdefault(name, {})[key] = value
    tables = to_today(tables, is_whole=True)
    today = {f"train.{name}.{key}": value for name, table in tables.items() for key, value in table.items()}
    others = {key: value for key, value in stored.items() if not re.match(r"train\.\w+\.", key)}
    plain: dict[str, Any] = json.loads(json.dumps(others | today))
    return plain


def _no_more(does: str, key: str, value: object) -> InputError:
    return InputError(
        f"a study must be one that this version can go on with; got one that {does} {key} = {json.dumps(value)}, "
        "which is no more; use the version that made it, or begin another study"
    )


def plan_from_question(asked: Mapping[str, Any], name: str, trials: int, data: str | None) -> Plan:
    """The plan of a study's question, without warm starts: what a worker needs, which has no `search.toml`.

    Args:
        asked: the question, complete.
        name: of the study.
        trials: its budget.
        data: where the data lie on this host.
    """
    base = override(TrainConfig(), _strip_prefix(asked, "train.") | location_changes(data))
    study = {"name": name, "trials": trials, "metric": base.metric, **_strip_prefix(asked, "study.")}
    space = parse_space(_strip_prefix(asked, "space."), base)
    try:
        constraints = ConstraintsTable.model_validate(_strip_prefix(asked, "constraints."))
        return Plan(StudyTable.model_validate(study), base, space, constraints)
    except ValidationError as error:
        raise InputError(f"a study must ask what a search file can; got {explain(error)}") from None


def check_stored_question(stored: Mapping[str, Any]) -> None:
    """Raises InputError for what this version cannot have asked.

    A question of another schema passes: whoever opens its study is told what to do.
    """
    if stored.get("schema") == SCHEMA:
        plan_from_question(complete_question(stored), StudyTable().name, StudyTable().trials, None)


def _defaults() -> dict[str, Any]:
    """The fields of a question with today's defaults, without those that every study has a value of its own for."""
    asked = question(Plan(StudyTable(), TrainConfig(), Space(()), ConstraintsTable()), "", "")
    return {key: value for key, value in asked.items() if key.startswith(TABLES)}


def _strip_prefix(asked: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {key.removeprefix(prefix): value for key, value in asked.items() if key.startswith(prefix)}
