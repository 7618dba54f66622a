"""A backup has all of a study, and a restored study equals the one that was backed up."""

import json
import math
import tracemalloc
from pathlib import Path
from zipfile import ZipFile

import optuna
import pytest
from optuna.artifacts import upload_artifact
from sqlalchemy import text

from storage.artifacts.interface import Artifacts
from storage.backup.manifest import MAX_ROW_BYTES
from storage.backup.write import write_backup
from storage.database.connection import Database
from storage.errors import StorageError
from storage.studies.rows import TABLES
from storage.studies.study import stop_study
from tests.full_study import make_full_study, read_files, read_rows
from tests.integration.backup.backup_file import back_up, restore
from tests.integration.conftest import FullStudy

# Tables whose rows refer to a study or trial.
GET_TABLES = """
    select table_name from information_schema.columns
    where table_schema = 'public' and column_name in ('study_id', 'trial_id')"""
COUNT_OTHER_TRANSACTIONS = """
    select count(*) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid() and state <> 'idle'"""
ADD_60_000_REPORTS = """
    insert into trial_intermediate_values (trial_id, step, intermediate_value, intermediate_value_type)
    select trial_id, step, random(), 'FINITE' from trials, generate_series(1, 60000) step"""


def test_every_table_with_rows_of_a_study_is_backed_up(db: Database) -> None:
    with db.engine.connect() as connection:
        found = set(connection.scalars(text(GET_TABLES)))
    assert found == {table.name for table in TABLES} | {"unet_search_slots"}


def test_a_restored_study_has_every_row_and_file(
    full_db: Database,
    full_study: optuna.Study,
    full_artifacts: Artifacts,
    other: Database,
    elsewhere: Path,
    tmp_path: Path,
) -> None:
    stop_study(full_db, full_study._study_id, "asked for")
    before = read_rows(full_db, "mars")
    restore(other, elsewhere, back_up(full_db, full_artifacts, tmp_path / "backup.zip"))
    assert all(before[table.name] for table in TABLES if table.name != "trial_heartbeats")
    assert read_rows(other, "mars") == before
    assert read_files(elsewhere) == read_files(full_artifacts.root)


def test_one_of_several_studies_can_be_backed_up(
    full_db: Database, full_artifacts: Artifacts, other: Database, elsewhere: Path, tmp_path: Path
) -> None:
    name = "../etc/venus: 100 %"
    make_full_study(full_db, full_artifacts, name, trials=1)
    restore(other, elsewhere, back_up(full_db, full_artifacts, tmp_path / "one.zip", name))
    assert read_rows(other, name) == read_rows(full_db, name)
    assert not read_rows(other, "mars")["studies"]
    assert len(read_files(elsewhere)) == 3
    restore(other, elsewhere, back_up(full_db, full_artifacts, tmp_path / "mars.zip", "mars"))
    assert read_files(elsewhere) == read_files(full_artifacts.root)


def test_an_empty_database_is_refused(db: Database, artifacts: Artifacts, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="must exist to be backed up; got none; in the database: none"):
        back_up(db, artifacts, tmp_path / "backup.zip")


def test_a_missing_study_is_refused(db: Database, study: optuna.Study, artifacts: Artifacts, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="got venus; in the database: mars"):
        back_up(db, artifacts, tmp_path / "backup.zip", "venus")


def test_a_missing_picture_is_no_error(
    full_db: Database, full_artifacts: Artifacts, other: Database, elsewhere: Path, tmp_path: Path
) -> None:
    next(path for path in full_artifacts.root.iterdir() if path.is_file()).unlink()
    restore(other, elsewhere, back_up(full_db, full_artifacts, tmp_path / "backup.zip"))
    assert read_files(elsewhere) == read_files(full_artifacts.root)


def test_no_file_outside_the_store_is_backed_up(
    db: Database, study: optuna.Study, artifacts: Artifacts, tmp_path: Path
) -> None:
    (artifacts.root.parent / "secret").write_text("secret")
    db.storage.set_study_system_attr(study._study_id, "artifacts:../secret", "{}")
    with ZipFile(back_up(db, artifacts, tmp_path / "backup.zip")) as archive:
        assert not [name for name in archive.namelist() if "secret" in name]


def test_the_manifest_lists_the_contents(full: FullStudy) -> None:
    with ZipFile(full.backup) as archive:
        found = json.loads(archive.read("format.json"))
    assert (found["format"], found["studies"], found["files"]) == (1, ["mars"], 10)
    assert found["rows"]["trials"] == 10
    assert {"unet-search", "optuna", "postgresql"} <= found["versions"].keys()


@pytest.mark.slow
def test_a_large_study_is_never_in_memory_as_a_whole(
    db: Database, study: optuna.Study, artifacts: Artifacts, elsewhere: Path, other: Database, tmp_path: Path
) -> None:
    study.ask()
    with db.engine.begin() as connection:
        connection.execute(text(ADD_60_000_REPORTS))
    tracemalloc.start()
    try:
        restore(other, elsewhere, back_up(db, artifacts, tmp_path / "backup.zip"))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20  # all rows at once take 30 MiB
    assert len(read_rows(other, "mars")["trial_intermediate_values"]) == 60_000


def test_no_transaction_is_open_while_files_are_copied(
    full_db: Database, full_artifacts: Artifacts, tmp_path: Path
) -> None:
    """The server would keep all rows of its snapshot, and end a transaction that stands still."""
    found: dict[str, int] = {}

    def count(what: str, done: int, total: int) -> None:
        with full_db.engine.connect() as connection:
            found[what] = connection.scalar(text(COUNT_OTHER_TRANSACTIONS)) or 0

    write_backup(full_db, full_artifacts, tmp_path / "backup.zip", (), count)
    assert found == {"rows": 1, "files": 0}


def test_what_a_restore_would_refuse_is_not_written(db: Database, artifacts: Artifacts, tmp_path: Path) -> None:
    study = optuna.create_study(study_name="large", storage=db.storage)
    study.set_user_attr("large", "x" * MAX_ROW_BYTES)
    with pytest.raises(StorageError, match=r"must have rows of at most 4,194,304 bytes; got .* in study_user_attr"):
        back_up(db, artifacts, tmp_path / "backup.zip")


def test_studies_of_other_programs_are_backed_up(
    db: Database, artifacts: Artifacts, other: Database, elsewhere: Path, tmp_path: Path
) -> None:
    study = optuna.create_study(study_name="other\tprogram", storage=db.storage, directions=["minimize", "maximize"])
    study.optimize(_objectives, n_trials=3)
    study.set_user_attr("question", "why")
    study.set_user_attr("values", [math.nan, math.inf, None, {"\ud83d": "\0"}])
    (tmp_path / "notes.txt").write_text("notes")
    upload_artifact(
        artifact_store=artifacts.store,
        file_path=str(tmp_path / "notes.txt"),
        study_or_trial=study,
        mimetype="text/plain; charset=utf-8",
    )
    restore(other, elsewhere, back_up(db, artifacts, tmp_path / "backup.zip"))
    assert read_rows(other, "other\tprogram") == read_rows(db, "other\tprogram")


def _objectives(trial: optuna.Trial) -> tuple[float, float]:
    trial.suggest_float("rate", 1e-5, 1.0, log=True)
    trial.suggest_float("step", 0, 1, step=0.1)
    trial.suggest_int("size", -(2**40), 2**40)
    trial.suggest_categorical("kind", [None, True, "é", 0.5])
    return math.inf, 0.5
