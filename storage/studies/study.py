"""What a study is asked, how many trials it may have, and whether it goes on: one row of our own a study."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from sqlalchemy import text

from storage.database.connection import Database
from storage.database.schema import lock
from storage.errors import StorageError

SHOWN = 120  # characters of a value in a message
MISSING = object()  # stands for a key that one side lacks
STOP_NOW = "asked for by `unet-search stop --now`"  # the reason for which workers do not finish their trials

# The first worker's question stays; one that comes later changes nothing.
FREEZE = text("""
    insert into unet_search_studies as s (study_id, question) values (:study_id, cast(:question as jsonb))
    on conflict (study_id) do update set question = coalesce(s.question, excluded.question)
    returning question""")
SET_BUDGET = text("""
    insert into unet_search_studies (study_id, budget) values (:study_id, :budget)
    on conflict (study_id) do update set budget = excluded.budget""")
GET_BUDGET = text("select budget from unet_search_studies where study_id = :study_id")
SET_STOP = text("""
    insert into unet_search_studies (study_id, stop_reason) values (:study_id, :reason)
    on conflict (study_id) do update set stop_reason = excluded.stop_reason""")
STUDIES = text("select study_id, study_name from studies")
NAME = text("select study_name from studies where study_id = :study_id")
STOPS_NOW = text("""
    select exists (select from unet_search_slots s join unet_search_studies using (study_id)
                   where s.owner = :owner and stop_reason = :reason)""")
GET_STOP = text("select stop_reason from unet_search_studies where study_id = :study_id")


def find_study(db: Database, name: str | None = None) -> tuple[int, str]:
    """Id and name of a study by its name, or of the database's only one; StorageError where there is no such study."""
    with db.engine.connect() as connection:
        studies = {row.study_name: row.study_id for row in connection.execute(STUDIES)}
    if name is None and len(studies) == 1:
        name = next(iter(studies))
    if name is None or name not in studies:
        rule = "a study must exist" if name else "a study must be named with --study where there is not just one"
        raise StorageError(f"{rule}; got {name or 'none'}; in the database: {', '.join(sorted(studies)) or 'none'}")
    return studies[name], name


def study_name(db: Database, study_id: int) -> str | None:
    """A study's name by its id; None where there is no such study."""
    with db.engine.connect() as connection:
        name: str | None = connection.scalar(NAME, {"study_id": study_id})
    return name


def freeze_question(db: Database, study_id: int, question: dict[str, Any]) -> None:
    """Stores the question of a new study; refuses one that differs from the stored one.

    Args:
        question: what decides a trial's value, as JSON: tables may be nested.

    Raises:
        StorageError: names every differing key, as a dotted path, with both values.
    """
    with db.engine.begin() as connection:
        frozen = connection.scalar(FREEZE, {"study_id": study_id, "question": json.dumps(question)})
    differences = list(_differences(frozen, json.loads(json.dumps(question))))
    if differences:
        raise StorageError(
            f"a study answers one question; got {'; '.join(differences)}; "
            "use the study's values, or give another name with --study"
        )


def set_budget(db: Database, study_id: int, trials: int) -> None:
    """Sets how many trials (complete, pruned and running ones) the study may have, 0 or more."""
    if trials < 0:
        raise StorageError(f"the number of trials must be 0 or more; got {trials}; give another one with --trials")
    with db.engine.begin() as connection:
        lock(connection, study_id)
        connection.execute(SET_BUDGET, {"study_id": study_id, "budget": trials})


def get_budget(db: Database, study_id: int) -> int:
    """How many trials the study may have. Raises StorageError when that was never set."""
    with db.engine.connect() as connection:
        budget = connection.scalar(GET_BUDGET, {"study_id": study_id})
    if budget is None:
        raise no_budget(study_id)
    return int(budget)


def stop_study(db: Database, study_id: int, reason: str) -> None:
    """Makes all workers stay away: from now on none gets a slot."""
    _set_stop(db, study_id, reason)


def resume_study(db: Database, study_id: int) -> None:
    """Lets workers come back."""
    _set_stop(db, study_id, None)


def stop_reason(db: Database, study_id: int) -> str | None:
    """Why the study was stopped; None while it goes on."""
    with db.engine.connect() as connection:
        reason: str | None = connection.scalar(GET_STOP, {"study_id": study_id})
    return reason


def stops_now(db: Database, owner: UUID) -> bool:
    """Whether the study that a worker holds a slot of was stopped by STOP_NOW."""
    with db.engine.connect() as connection:
        return bool(connection.scalar(STOPS_NOW, {"owner": owner, "reason": STOP_NOW}))


def no_budget(study_id: int) -> StorageError:
    """The error of a study that no command has set up."""
    return StorageError(f"a study must have a number of trials; got none for study {study_id}; run `unet-search init`")


def _set_stop(db: Database, study_id: int, reason: str | None) -> None:
    with db.engine.begin() as connection:
        lock(connection, study_id)  # a claim under way ends first: after this, none is given
        connection.execute(SET_STOP, {"study_id": study_id, "reason": reason})


def _differences(frozen: Any, given: Any, path: str = "") -> Iterator[str]:
    if isinstance(frozen, dict) and isinstance(given, dict):
        for key in sorted(frozen.keys() | given.keys()):
            yield from _differences(frozen.get(key, MISSING), given.get(key, MISSING), f"{path}.{key}".lstrip("."))
    elif frozen != given:
        yield f"{path} is {_short(frozen)} in the study and {_short(given)} here"


def _short(value: Any) -> str:
    shown = "missing" if value is MISSING else json.dumps(value, ensure_ascii=False)
    return shown if len(shown) <= SHOWN else f"{shown[: SHOWN - 3]}..."
