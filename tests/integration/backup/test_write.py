"""A backup holds all of a study, and a restored study is the one that was kept."""

import json
import tracemalloc
from pathlib import Path
from zipfile import ZipFile

import optuna
import pytest
from sqlalchemy import text

from storage.artifacts.store import Artifacts
from storage.database.connection import Database
from storage.errors import StorageError
from storage.studies.rows import TABLES
from storage.studies.study import stop_study
from tests.full_study import contents, dump, fill
from tests.integration.backup.backup_file import back_up, restore

# Tables whose rows belong to a study or trial.
BELONGING = """
    select table_name from information_schema.columns
    where table_schema = 'public' and column_name in ('study_id', 'trial_id')"""
MANY_REPORTS = """
    insert into trial_intermediate_values (trial_id, step, intermediate_value, intermediate_value_type)
    select trial_id, step, random(), 'FINITE' from trials, generate_series(1, 60000) step"""


def test_every_table_of_a_study_is_kept(db: Database) -> None:
    with db.engine.connect() as connection:
        found = set(connection.scalars(text(BELONGING)))
    assert found == {table.name for table in TABLES} | {"unet_search_slots"}


def test_a_restored_study_has_every_row_and_file(
    db: Database, other: Database, artifacts: Artifacts, elsewhere: Path, tmp_path: Path
) -> None:
    study = fill(db, artifacts)
    stop_study(db, study._study_id, "asked for")
    restore(other, elsewhere, back_up(db, artifacts, tmp_path / "backup.zip"))
    before = dump(db, "mars")
    assert all(before[table.name] for table in TABLES if table.name != "trial_heartbeats")
    assert dump(other, "mars") == before
    assert contents(elsewhere) == contents(artifacts.root)


def test_one_of_several_studies_can_be_kept(
    db: Database, other: Database, artifacts: Artifacts, elsewhere: Path, tmp_path: Path
) -> None:
    fill(db, artifacts)
    fill(db, artifacts, "../etc/venus: 100 %", trials=1)
    path = back_up(db, artifacts, tmp_path / "one.zip", "../etc/venus: 100 %")
    restore(other, elsewhere, path)
    assert dump(other, "../etc/venus: 100 %") == dump(db, "../etc/venus: 100 %")
    assert not dump(other, "mars")["studies"]
    assert len(contents(elsewhere)) == 3
    restore(other, elsewhere, back_up(db, artifacts, tmp_path / "mars.zip", "mars"))
    assert contents(elsewhere) == contents(artifacts.root)


def test_what_does_not_exist_cannot_be_kept(db: Database, artifacts: Artifacts, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="must exist to be kept; got none; in the database: none"):
        back_up(db, artifacts, tmp_path / "backup.zip")
    fill(db, artifacts, trials=1)
    with pytest.raises(StorageError, match="got venus; in the database: mars"):
        back_up(db, artifacts, tmp_path / "backup.zip", "venus")


def test_a_missing_picture_is_no_error(
    db: Database, other: Database, artifacts: Artifacts, elsewhere: Path, tmp_path: Path
) -> None:
    fill(db, artifacts)
    next(path for path in artifacts.root.iterdir() if path.is_file()).unlink()
    restore(other, elsewhere, back_up(db, artifacts, tmp_path / "backup.zip"))
    assert contents(elsewhere) == contents(artifacts.root)


def test_a_row_leads_to_no_file_outside_the_store(db: Database, artifacts: Artifacts, tmp_path: Path) -> None:
    (artifacts.root.parent / "secret").write_text("secret")
    study = fill(db, artifacts, trials=1)
    db.storage.set_study_system_attr(study._study_id, "artifacts:../secret", "{}")
    with ZipFile(back_up(db, artifacts, tmp_path / "backup.zip")) as archive:
        assert not [name for name in archive.namelist() if "secret" in name]


def test_a_backup_says_what_is_in_it(db: Database, artifacts: Artifacts, tmp_path: Path) -> None:
    fill(db, artifacts)
    with ZipFile(back_up(db, artifacts, tmp_path / "backup.zip")) as archive:
        found = json.loads(archive.read("format.json"))
    assert (found["format"], found["studies"], found["files"]) == (1, ["mars"], 10)
    assert found["rows"]["trials"] == 10
    assert {"unet-search", "optuna", "postgresql"} <= found["versions"].keys()


@pytest.mark.slow
def test_a_large_study_is_never_held_as_a_whole(
    db: Database, study: optuna.Study, artifacts: Artifacts, elsewhere: Path, other: Database, tmp_path: Path
) -> None:
    study.ask()
    with db.engine.begin() as connection:
        connection.execute(text(MANY_REPORTS))
    tracemalloc.start()
    try:
        restore(other, elsewhere, back_up(db, artifacts, tmp_path / "backup.zip"))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20  # all rows at once take 30 MiB
    assert len(dump(other, "mars")["trial_intermediate_values"]) == 60_000
