"""Studies are listed with their sizes, and one that is deleted leaves nothing behind."""

from uuid import uuid4

import optuna
import pytest
from sqlalchemy import text

from storage.artifacts.interface import Artifacts
from storage.artifacts.keys import study_folders
from storage.database.connection import Database
from storage.errors import StorageError
from storage.studies.catalogue import delete_study, list_studies
from storage.studies.leases import claim_slot, release_owner
from storage.studies.rows import TABLES
from storage.studies.status import Counts
from storage.studies.study import stop_study
from tests.full_study import make_full_study, read_files, read_rows
from tests.integration.conftest import FullStudy


def delete(db: Database, artifacts: Artifacts, study: optuna.Study) -> None:
    delete_study(db, artifacts, study._study_id, study.study_name)


@pytest.fixture
def released(full_db: Database) -> Database:
    """The database of the full study, without a worker at its running trial."""
    release_all(full_db)
    return full_db


def release_all(db: Database) -> None:
    with db.engine.begin() as connection:
        connection.execute(text("update unet_search_slots set owner = null"))


def count_rows(db: Database) -> dict[str, int]:
    with db.engine.connect() as connection:
        tables = (*(table.name for table in TABLES), "unet_search_slots")
        return {table: connection.scalar(text(f"select count(*) from {table}")) or 0 for table in tables}


def test_a_study_is_listed_with_its_sizes(full_db: Database, full_artifacts: Artifacts, full: FullStudy) -> None:
    (mars,) = list_studies(full_db, full_artifacts)
    assert mars.name == "mars"
    assert mars.counts == Counts(complete=3, pruned=3, running=1, waiting=1, failed=2)
    assert mars.best is not None and mars.best.value == 0.5 and mars.created is not None
    assert mars.rows == sum(map(len, full.rows.values()))
    assert mars.artifact_bytes == sum(map(len, full.files.values()))


def test_studies_are_listed_by_name(db: Database, study: optuna.Study, artifacts: Artifacts) -> None:
    other = optuna.create_study(study_name="foreign", storage=db.storage)
    found = [(listed.name, listed.study_id) for listed in list_studies(db, artifacts)]
    assert found == [("foreign", other._study_id), ("mars", study._study_id)]


def test_a_study_of_another_program_is_listed(db: Database, artifacts: Artifacts) -> None:
    optuna.create_study(study_name="foreign", storage=db.storage)
    (foreign,) = list_studies(db, artifacts)
    assert (foreign.counts, foreign.best, foreign.created, foreign.artifact_bytes) == (Counts(), None, None, 0)


def test_a_deleted_study_leaves_no_rows_and_no_files(
    released: Database, full_study: optuna.Study, full_artifacts: Artifacts, full: FullStudy
) -> None:
    deletion = delete_study(released, full_artifacts, full_study._study_id, "mars")
    assert (deletion.rows, deletion.files) == (sum(map(len, full.rows.values())), 10)
    assert not any(count_rows(released).values())
    assert not read_files(full_artifacts.root)
    assert not any((full_artifacts.root / folder).exists() for folder in study_folders("mars"))


def test_other_studies_stay_when_one_is_deleted(
    full_db: Database, full_study: optuna.Study, full_artifacts: Artifacts, full: FullStudy
) -> None:
    make_full_study(full_db, full_artifacts, "venus", trials=3)
    release_all(full_db)
    rows, files = read_rows(full_db, "venus"), read_files(full_artifacts.root)
    delete(full_db, full_artifacts, full_study)
    assert read_rows(full_db, "venus") == rows
    left = read_files(full_artifacts.root)
    assert len(left) == 5 and left | full.files == files


def test_missing_files_are_no_error(
    released: Database, full_study: optuna.Study, full_artifacts: Artifacts, full: FullStudy
) -> None:
    for key in full.files:
        (full_artifacts.root / key).unlink()
    delete(released, full_artifacts, full_study)
    assert optuna.get_all_study_names(released.storage) == []


def test_a_row_leads_to_no_file_outside_the_store(db: Database, study: optuna.Study, artifacts: Artifacts) -> None:
    secret = artifacts.root.parent / "secret"
    secret.write_text("secret")
    for name in ("../secret", str(secret), "..", ".", "checkpoints"):
        db.storage.set_study_system_attr(study._study_id, f"artifacts:{name}", "{}")
    delete(db, artifacts, study)
    assert secret.exists() and artifacts.root.exists()


@pytest.mark.parametrize("name", ["", ".", "..", "/", "x" * 500])
def test_a_deleted_studys_name_leads_to_no_other_files(
    db: Database, full_artifacts: Artifacts, full: FullStudy, name: str
) -> None:
    delete(db, full_artifacts, optuna.create_study(study_name=name, storage=db.storage))
    assert read_files(full_artifacts.root) == full.files


def test_a_study_with_workers_must_be_stopped_first(db: Database, study: optuna.Study, artifacts: Artifacts) -> None:
    owner = uuid4()
    assert claim_slot(db, study._study_id, owner, "worker") is not None
    with pytest.raises(StorageError, match=r"got mars with 1 trials under way; .* `unet-search stop --study mars`"):
        delete(db, artifacts, study)
    stop_study(db, study._study_id, "asked for")
    delete(db, artifacts, study)
    assert optuna.get_all_study_names(db.storage) == []


def test_a_study_with_a_released_slot_can_be_deleted(db: Database, study: optuna.Study, artifacts: Artifacts) -> None:
    owner = uuid4()
    claim_slot(db, study._study_id, owner, "worker")
    release_owner(db, owner)
    delete(db, artifacts, study)
    assert optuna.get_all_study_names(db.storage) == []
