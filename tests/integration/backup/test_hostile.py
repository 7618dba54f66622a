"""What the check of a backup accepts is restored and can be read, or PostgreSQL refuses it and nothing changes."""

from pathlib import Path

import numpy as np
import optuna
import pytest

from benchmarks.fuzz.backups import write_backup
from benchmarks.fuzz.case import READ, Case, read
from search.study.study import open_study
from storage.artifacts.folder import Folder
from storage.backup.read import open_backup
from storage.backup.restore import restore_backup
from storage.database.connection import Database
from storage.errors import StorageError
from storage.studies.catalogue import delete_study, list_studies
from storage.studies.notes import read_note
from tests.full_study import read_files
from trainer.errors import InputError


@pytest.mark.filterwarnings("ignore")  # Optuna warns of choices, zipfile of names
def test_corrupt_backups_leave_a_database_that_can_be_read(db: Database, tmp_path: Path) -> None:
    study = optuna.create_study(study_name="own", storage=db.storage)
    artifacts, restored = Folder(tmp_path / "artifacts"), 0
    for seed in range(30):
        case = Case("backup", seed)
        path = write_backup(case.random(), tmp_path)
        restored += read(case, path) == READ and try_restore(db, artifacts, path)
        names = [name for name in optuna.get_all_study_names(db.storage) if name != study.study_name]
        for name in names:
            read_study(db, name)
            delete_study(db, artifacts, db.storage.get_study_id_from_name(name), name)
        assert [listed.name for listed in list_studies(db, artifacts)] == [study.study_name] and not study.trials
        assert read_files(tmp_path / "artifacts") == {}
    assert restored > 3


def try_restore(db: Database, artifacts: Folder, path: Path) -> bool:
    with open_backup(path) as backup:
        try:
            restore_backup(db, artifacts, backup)
        except StorageError:
            return False
    return True


def read_study(db: Database, name: str) -> None:
    """Reads a study as Optuna, its dashboard and commands do."""
    assert optuna.get_all_study_summaries(db.storage)
    study = optuna.load_study(study_name=name, storage=db.storage)
    assert all(np.isreal(value) for trial in study.trials for value in trial.values or ())
    with db.engine.connect() as connection:
        read_note(connection, study._study_id)
    list_studies(db, Folder(Path("/nowhere")))
    try:
        open_study(db, name)
    except InputError as error:
        assert "\n" not in str(error)
