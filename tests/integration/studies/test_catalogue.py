"""Studies are listed with their sizes, and one that is deleted leaves nothing behind."""

from uuid import uuid4

import optuna
import pytest
from sqlalchemy import text

from storage.artifacts.store import Artifacts, study_folders
from storage.database.connection import Database
from storage.errors import StorageError
from storage.studies.catalogue import delete_study, list_studies
from storage.studies.leases import claim_slot, release_owner
from storage.studies.rows import TABLES
from storage.studies.status import Counts
from storage.studies.study import stop_study
from tests.full_study import contents, dump, fill


def release_all(db: Database) -> None:
    with db.engine.begin() as connection:
        connection.execute(text("update unet_search_slots set owner = null"))


def delete(db: Database, artifacts: Artifacts, study: optuna.Study) -> None:
    delete_study(db, artifacts, study._study_id, study.study_name)


def test_a_study_is_listed_with_its_sizes(db: Database, artifacts: Artifacts) -> None:
    study = fill(db, artifacts)
    optuna.create_study(study_name="foreign", storage=db.storage)
    foreign, mars = list_studies(db, artifacts)
    assert (foreign.name, foreign.best, foreign.created, foreign.artifact_bytes) == ("foreign", None, None, 0)
    assert foreign.counts == Counts()
    assert (mars.name, mars.study_id) == ("mars", study._study_id)
    assert mars.counts == Counts(complete=3, pruned=3, running=1, waiting=1, failed=2)
    assert mars.best is not None and mars.best.value == 0.5 and mars.created is not None
    assert mars.rows == sum(map(len, dump(db, "mars").values()))
    assert mars.artifact_bytes == sum(map(len, contents(artifacts.root).values()))


def test_a_deleted_study_leaves_nothing_and_others_alone(db: Database, artifacts: Artifacts) -> None:
    study, other = fill(db, artifacts), fill(db, artifacts, "venus")
    release_all(db)
    before, files = dump(db, "venus"), contents(artifacts.root)
    rows = sum(map(len, dump(db, "mars").values()))
    removed = delete_study(db, artifacts, study._study_id, "mars")
    assert (removed.rows, removed.files) == (rows, 10)
    assert dump(db, "venus") == before
    kept = contents(artifacts.root)
    assert len(kept) == 10 and kept.items() <= files.items()
    assert not any((artifacts.root / folder).exists() for folder in study_folders("mars"))
    delete(db, artifacts, other)
    assert not contents(artifacts.root)
    with db.engine.connect() as connection:
        for table in (*(table.name for table in TABLES), "unet_search_slots"):
            assert connection.scalar(text(f"select count(*) from {table}")) == 0, table


def test_missing_files_are_no_error(db: Database, artifacts: Artifacts) -> None:
    study = fill(db, artifacts)
    release_all(db)
    for name in contents(artifacts.root):
        (artifacts.root / name).unlink()
    delete(db, artifacts, study)
    assert optuna.get_all_study_names(db.storage) == []


def test_a_row_names_no_file_outside_the_store(db: Database, study: optuna.Study, artifacts: Artifacts) -> None:
    secret = artifacts.root.parent / "secret"
    secret.write_text("secret")
    for name in ("../secret", str(secret), "..", ".", "checkpoints"):
        db.storage.set_study_system_attr(study._study_id, f"artifacts:{name}", "{}")
    delete(db, artifacts, study)
    assert secret.exists() and artifacts.root.exists()


@pytest.mark.parametrize("name", ["", ".", "..", "/", "x" * 500])
def test_a_name_takes_no_other_studys_checkpoints(db: Database, artifacts: Artifacts, name: str) -> None:
    fill(db, artifacts, trials=1)
    before = contents(artifacts.root)
    delete(db, artifacts, optuna.create_study(study_name=name, storage=db.storage))
    assert contents(artifacts.root) == before


def test_a_study_with_workers_must_be_stopped_first(db: Database, study: optuna.Study, artifacts: Artifacts) -> None:
    owner = uuid4()
    assert claim_slot(db, study._study_id, owner, "worker") is not None
    with pytest.raises(StorageError, match=r"got mars with 1 trials under way; .* `unet-search stop --study mars`"):
        delete(db, artifacts, study)
    stop_study(db, study._study_id, "asked for")
    delete(db, artifacts, study)
    assert optuna.get_all_study_names(db.storage) == []


def test_a_released_lease_is_none(db: Database, study: optuna.Study, artifacts: Artifacts) -> None:
    owner = uuid4()
    claim_slot(db, study._study_id, owner, "worker")
    release_owner(db, owner)
    delete(db, artifacts, study)
    assert optuna.get_all_study_names(db.storage) == []
