"""A study's frozen question, its budget of trials, and whether it was stopped: our own row of each study."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from storage.database.connection import Database
from storage.database.schema import lock
from storage.errors import StorageError
from storage.studies.attributes import study_attribute_key
from storage.studies.siblings import main_studies

STOP_NOW = "asked for by `unet-search stop --now`"  # the reason for which workers do not finish their trials
MAX_SHOWN_CHARACTERS = 120  # of a value in a message

_MISSING = object()  # stands for the value of a key that only the other question has

# Stores a question unless there is one; returns the stored one.
_FREEZE_QUESTION = text("""
    insert into unet_search_studies as s (study_id, question) values (:study_id, cast(:question as jsonb))
    on conflict (study_id) do update set question = coalesce(s.question, excluded.question)
    returning question""")
_GET_QUESTION = text("select question from unet_search_studies where study_id = :study_id")
_SET_BUDGET = text("""
    insert into unet_search_studies (study_id, budget) values (:study_id, :budget)
    on conflict (study_id) do update set budget = excluded.budget""")
_BUDGET_OF_ALL = text("""
    update unet_search_studies set budget = (
      select count(*) from trials t where t.study_id = :study_id and t.state <> 'FAIL')
    where study_id = :study_id""")
_GET_BUDGET = text("select budget from unet_search_studies where study_id = :study_id")
_SET_STOP_REASON = text("""
    insert into unet_search_studies (study_id, stop_reason) values (:study_id, :reason)
    on conflict (study_id) do update set stop_reason = excluded.stop_reason""")
_SET_FAILURES_STOP = text("""
    update unet_search_studies set stop_reason = coalesce(stop_reason, :reason) where study_id = :study_id""")
# Makes failures of the trials so far count no more.
_FORGET_FAILURES = text(f"""
    insert into study_user_attributes (study_id, key, value_json)
    select :study_id, {study_attribute_key("failures_counted_to")}, coalesce(max(number), -1)::text
    from trials where study_id = :study_id and state in ('COMPLETE', 'PRUNED', 'FAIL')
    on conflict (study_id, key) do update set value_json = excluded.value_json""")
_GET_STUDIES = text("select study_name, study_id from studies")
_GET_NAME = text("select study_name from studies where study_id = :study_id")
_GET_CREATED = text("select created from unet_search_studies where study_id = :study_id")
_IS_STOPPED_NOW = text("""
    select exists (select from unet_search_slots s join unet_search_studies using (study_id)
                   where s.owner = :owner and stop_reason = :reason)""")
_GET_STOP_REASON = text("select stop_reason from unet_search_studies where study_id = :study_id")


def find_study(db: Database, name: str | None = None) -> tuple[int, str]:
    """Id and name of a study by its name, or of the database's only one. Raises StorageError where it is missing."""
    with db.engine.connect() as connection:
        studies = study_ids(connection)
    if name is None and len(main := main_studies(studies)) == 1:
        name = main[0]
    if name is None or name not in studies:
        rule = "a study must exist" if name else "a study must be named with --study where there is not just one"
        raise StorageError(f"{rule}; got {name or 'none'}; in the database: {', '.join(sorted(studies)) or 'none'}")
    return studies[name], name


def study_ids(connection: Connection) -> dict[str, int]:
    """The ids of all studies by name."""
    return {row.study_name: row.study_id for row in connection.execute(_GET_STUDIES)}


def study_name(db: Database, study_id: int) -> str | None:
    """A study's name by its id; None where there is no such study."""
    with db.engine.connect() as connection:
        name: str | None = connection.scalar(_GET_NAME, {"study_id": study_id})
    return name


def freeze_question(
    db: Database,
    study_id: int,
    question: dict[str, Any],
    complete: Callable[[dict[str, Any]], dict[str, Any]] = lambda stored: stored,
) -> None:
    """Stores the question of a new study, or compares it with the stored one.

    Args:
        db: the study's database.
        study_id: its id.
        question: what decides a trial's value, as JSON; tables may be nested.
        complete: adds to a stored question what an older version did not write.

    Raises:
        StorageError: the questions differ; it names every differing key, as a dotted path, with both values.
    """
    with db.engine.begin() as connection:
        frozen = connection.scalar(_FREEZE_QUESTION, {"study_id": study_id, "question": json.dumps(question)})
    differences = list(_differences(complete(frozen), json.loads(json.dumps(question))))
    if differences:
        raise StorageError(
            f"a study answers one question; got {'; '.join(differences)}; "
            "use the study's values, or give another name with --study"
        )


def get_question(db: Database, study_id: int) -> dict[str, Any] | None:
    """The question as the study was made with it, whichever version opened it since; None before it is frozen."""
    with db.engine.connect() as connection:
        question: dict[str, Any] | None = connection.scalar(_GET_QUESTION, {"study_id": study_id})
    return question


def set_budget(db: Database, study_id: int, trials: int) -> None:
    """Sets how many trials, complete, pruned and running ones, the study may have. Raises StorageError below 0."""
    if trials < 0:
        raise StorageError(f"the number of trials must be 0 or more; got {trials}; give another one with --trials")
    with db.engine.begin() as connection:
        lock(connection, study_id)
        connection.execute(_SET_BUDGET, {"study_id": study_id, "budget": trials})


def budget_of_all_trials(connection: Connection, study_id: int) -> None:
    """Sets the budget of a study that draws nothing: its trials that wait, run or were trained."""
    connection.execute(_BUDGET_OF_ALL, {"study_id": study_id})


def get_budget(db: Database, study_id: int) -> int:
    """How many trials the study may have. Raises StorageError where that was never set."""
    with db.engine.connect() as connection:
        budget = connection.scalar(_GET_BUDGET, {"study_id": study_id})
    if budget is None:
        raise no_budget(study_id)
    return int(budget)


def get_created(db: Database, study_id: int) -> datetime:
    """When the study was created, by which it differs from others of its name in other databases."""
    with db.engine.connect() as connection:
        created: datetime | None = connection.scalar(_GET_CREATED, {"study_id": study_id})
    if created is None:
        raise no_budget(study_id)
    return created.astimezone(UTC)


def stop_study(db: Database, study_id: int, reason: str) -> None:
    """Stops the study: from now on no worker gets a slot."""
    with db.engine.begin() as connection:
        lock(connection, study_id)  # waits for a claim under way
        connection.execute(_SET_STOP_REASON, {"study_id": study_id, "reason": reason})


def stop_failing_study(db: Database, study_id: int, reason: str) -> None:
    """Stops the study, unless it is stopped: what a person said stays."""
    with db.engine.begin() as connection:
        lock(connection, study_id)
        connection.execute(_SET_FAILURES_STOP, {"study_id": study_id, "reason": reason})


def resume_study(db: Database, study_id: int) -> None:
    """Lets workers get slots of a stopped study again, those too that stopped after failures of their own."""
    with db.engine.begin() as connection:
        lock(connection, study_id)
        connection.execute(_SET_STOP_REASON, {"study_id": study_id, "reason": None})
        connection.execute(_FORGET_FAILURES, {"study_id": study_id})


def stop_reason(db: Database, study_id: int) -> str | None:
    """Why the study was stopped; None for one that was not."""
    with db.engine.connect() as connection:
        reason: str | None = connection.scalar(_GET_STOP_REASON, {"study_id": study_id})
    return reason


def stops_now(db: Database, owner: UUID) -> bool:
    """Whether the study of which a worker holds a slot was stopped with the reason STOP_NOW."""
    with db.engine.connect() as connection:
        return bool(connection.scalar(_IS_STOPPED_NOW, {"owner": owner, "reason": STOP_NOW}))


def no_budget(study_id: int) -> StorageError:
    """The error of a study without a budget, which no command has set up."""
    return StorageError(f"a study must have a number of trials; got none for study {study_id}; run `unet-search init`")


def _differences(frozen: Any, given: Any, path: str = "") -> Iterator[str]:
    """A phrase for every key whose value differs."""
    if isinstance(frozen, dict) and isinstance(given, dict):
        for key in sorted(frozen.keys() | given.keys()):
            yield from _differences(frozen.get(key, _MISSING), given.get(key, _MISSING), f"{path}.{key}".lstrip("."))
    elif frozen != given:
        yield f"{path} is {_shorten(frozen)} in the study and {_shorten(given)} here"


def _shorten(value: Any) -> str:
    shown = "missing" if value is _MISSING else json.dumps(value, ensure_ascii=False)
    return shown if len(shown) <= MAX_SHOWN_CHARACTERS else f"{shown[: MAX_SHOWN_CHARACTERS - 3]}..."
