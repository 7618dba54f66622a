"""A value that Optuna, its dashboard or we could not read is refused before a row of the backup is restored."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from search.study.question import SCHEMA, check_stored_question
from storage.backup.check import check_backup
from storage.backup.read import open_backup
from storage.errors import StorageError
from tests.integration.backup.backup_file import Members, change_backup

DEEP = "[" * 60 + "]" * 60
ID = "00000000-0000-4000-8000-000000000000"
RECORD = {"artifact_id": ID, "filename": "a.png", "mimetype": "image/png", "encoding": None}
Change = Callable[[list[dict[str, Any]]], object]


def refuse(path: Path, table: str, change: Change) -> str:
    """The message with which a backup is refused whose rows of a table are changed."""

    def change_rows(members: Members) -> None:
        rows = [json.loads(line) for line in members[f"rows/{table}.jsonl"].splitlines()]
        change(rows)
        members[f"rows/{table}.jsonl"] = "".join(f"{json.dumps(row)}\n" for row in rows).encode()
        manifest = json.loads(members["format.json"])
        manifest["rows"][table] = len(rows)
        if table == "studies":
            manifest["studies"] = [row["study_name"] for row in rows]
        members["format.json"] = json.dumps(manifest).encode()

    change_backup(path, change_rows)
    with pytest.raises(StorageError) as caught, open_backup(path) as backup:
        check_backup(backup, check_question=check_stored_question)
    message = str(caught.value)
    assert message.isprintable() and len(message) < 600
    return message


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("studies", "study_name", "x" * 513),
        ("studies", "study_name", "a\0b"),
        ("studies", "study_name", "\ud800"),
        ("studies", "study_name", 3),
        ("trials", "state", "NEVER"),
        ("trials", "number", -1),
        ("trials", "number", 2**31),
        ("trials", "number", True),
        ("trials", "datetime_start", "yesterday"),
        ("trials", "datetime_start", 3),
        ("study_directions", "direction", "UP"),
        ("study_directions", "objective", 1),
        ("study_user_attributes", "key", None),
        ("study_user_attributes", "value_json", "{"),
        ("trial_user_attributes", "value_json", ""),
        ("trial_user_attributes", "value_json", DEEP),
        ("trial_user_attributes", "value_json", "[" * 100_000),
        ("trial_user_attributes", "value_json", "1" * 5000),
        ("trial_user_attributes", "value_json", None),
        ("trial_user_attributes", "value_json", {"a": 1}),
        ("trial_user_attributes", "key", "x" * 513),
        ("trial_user_attributes", "key", "a\0"),
        ("trial_system_attributes", "value_json", "none"),
        ("trial_params", "param_value", None),
        ("trial_params", "param_value", 1e300),
        ("trial_params", "distribution_json", "{}"),
        ("trial_params", "distribution_json", '{"name": "os.system", "attributes": {}}'),
        ("trial_params", "distribution_json", '{"name": "FloatDistribution", "attributes": {"low": 1, "high": 0}}'),
        ("trial_params", "distribution_json", '{"name": "CategoricalDistribution", "attributes": {"choices": 7}}'),
        ("trial_params", "distribution_json", '{"name": "IntDistribution", "attributes": {"low": "a", "high": "b"}}'),
        ("trial_values", "value_type", "FINITE"),
        ("trial_values", "value_type", "NAN"),
        ("trial_values", "value", "Infinity"),
        ("trial_values", "objective", 1),
        ("trial_intermediate_values", "intermediate_value", None),
        ("trial_intermediate_values", "step", 2**40),
        ("unet_search_studies", "question", [1]),
        ("unet_search_studies", "question", {"a": json.loads(DEEP)}),
        ("unet_search_studies", "question", {"a": "\0"}),
        ("unet_search_studies", "question", {"a": "\ud800"}),
        ("unet_search_studies", "question", {"a": float("inf")}),
        ("unet_search_studies", "question", {"schema": SCHEMA, "study.seed": "x"}),
        ("unet_search_studies", "question", {"schema": SCHEMA, "train.model.depth": -1}),
        ("unet_search_studies", "question", {"schema": SCHEMA, "space.model.depth": {}}),
        ("unet_search_studies", "budget", -1),
        ("unet_search_studies", "created", "9" * 100),
        ("unet_search_configurations", "digest", 7),
    ],
)
def test_a_value_that_is_none_of_its_column_is_refused(
    backup_copy: Path, table: str, column: str, value: object
) -> None:
    message = refuse(backup_copy, table, lambda rows: rows[0].update({column: value}))
    assert "whole file" in message or "a study must ask" in message or "must be" in message


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (f"artifacts:{ID}", "no JSON"),
        (f"artifacts:{ID}", "{}"),
        (f"artifacts:{ID}", json.dumps(RECORD | {"more": 1})),
        (f"artifacts:{ID}", json.dumps(RECORD | {"filename": "../../etc/passwd"})),
        (f"artifacts:{ID}", json.dumps(RECORD | {"filename": "a\nb"})),
        (f"artifacts:{ID}", json.dumps(RECORD | {"filename": "x" * 9000})),
        (f"artifacts:{ID}", json.dumps(RECORD | {"mimetype": "text/html\r\nSet-Cookie: a=b"})),
        (f"artifacts:{ID}", json.dumps(RECORD | {"encoding": "gzip\r\n"})),
        (f"artifacts:{ID}", json.dumps(RECORD | {"artifact_id": ID.replace("4", "5")})),
        (f"artifacts:{ID}", 3),
        ("artifacts:../../etc/passwd", json.dumps(RECORD | {"artifact_id": "../../etc/passwd"})),
        ("artifacts:", json.dumps(RECORD)),
        (f"dashboard:artifacts:3:{ID}", "{}"),
        ("dashboard:note_ver", "x"),
        ("dashboard:3:note_ver", 2**31),
        ("dashboard:note_str:x", "text"),
        ("dashboard:3:note_str:0", ["text"]),
    ],
)
@pytest.mark.parametrize("table", ["study_system_attributes", "trial_system_attributes"])
def test_what_the_dashboard_could_not_show_is_refused(backup_copy: Path, table: str, key: str, value: object) -> None:
    attribute = {"key": key, "value_json": json.dumps(value)}
    assert f"of {table}" in refuse(backup_copy, table, lambda rows: rows.append(rows[0] | attribute))


def test_a_complete_trial_without_a_value_is_refused(backup_copy: Path) -> None:
    assert "must have a value for each direction" in refuse(backup_copy, "trial_values", lambda rows: rows.pop(0))


def test_a_study_without_a_direction_is_refused(backup_copy: Path) -> None:
    assert "must be of one of" in refuse(backup_copy, "study_directions", lambda rows: rows.clear())


def test_two_trials_of_one_number_are_refused(backup_copy: Path) -> None:
    assert "in the order of their numbers" in refuse(backup_copy, "trials", lambda rows: rows[1].update(number=0))


def test_two_studies_of_one_name_are_refused(backup_copy: Path) -> None:
    message = refuse(backup_copy, "studies", lambda rows: rows.append({"study_id": 77, "study_name": "mars"}))
    assert "the name of a study must be there once" in message


def test_a_picture_that_no_row_names_is_refused(backup_copy: Path) -> None:
    def forget(rows: list[dict[str, Any]]) -> None:
        rows[:] = [row for row in rows if not row["key"].startswith("artifacts:")]

    assert "each picture must be one of a study" in refuse(backup_copy, "trial_system_attributes", forget)


def test_a_copy_of_the_question_is_checked_too(backup_copy: Path) -> None:
    copy = {"key": "question", "value_json": f'{{"schema": {SCHEMA}, "study.seed": "x"}}'}
    assert "a study must ask" in refuse(backup_copy, "study_user_attributes", lambda rows: rows[0].update(copy))
