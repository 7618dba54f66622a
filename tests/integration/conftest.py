"""An open database with empty tables, a study in it, and an artifact store; and a full study, which is made once."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
import pytest

from storage.artifacts.interface import Artifacts
from storage.artifacts.store import open_artifacts
from storage.backup.write import write_backup
from storage.database.connection import Database, connect
from storage.settings import Settings
from storage.studies.study import set_budget
from tests.full_study import make_full_study, read_files, read_rows
from tests.postgres_server import database_name, fresh_database


@dataclass(frozen=True)
class FullStudy:
    """The study "mars" of `make_full_study`: 8 finished trials and 10 files."""

    template: str  # the name of its database, of which tests get clones
    folder: Path  # of its artifacts
    backup: Path
    rows: dict[str, list[Any]]  # what the database has of it
    files: dict[str, bytes]  # what the artifact store has of it


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    database = connect(database_url)
    yield database
    database.close()


@pytest.fixture
def study(db: Database) -> optuna.Study:
    """An empty study of 10 trials."""
    study = optuna.create_study(study_name="mars", storage=db.storage, direction="maximize")
    set_budget(db, study._study_id, 10)
    return study


@pytest.fixture
def artifacts(tmp_path: Path) -> Artifacts:
    """An empty artifact store."""
    return open_artifacts(Settings(dir=tmp_path / "run", artifacts=None))


@pytest.fixture(scope="session")
def full(server_url: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FullStudy]:
    """Not to be changed: `full_db` and `full_artifacts` are copies of it."""
    folder = tmp_path_factory.mktemp("full")
    artifacts, backup = open_artifacts(Settings(dir=folder, artifacts=None)), folder / "backup.zip"
    with fresh_database(server_url, template) as url:
        database = connect(url)
        make_full_study(database, artifacts)
        write_backup(database, artifacts, backup)
        rows, files = read_rows(database, "mars"), read_files(artifacts.root)
        database.close()  # a database with connections cannot be cloned
        yield FullStudy(database_name(url), artifacts.root, backup, rows, files)


@pytest.fixture
def full_db(server_url: str, full: FullStudy) -> Iterator[Database]:
    """A database with the full study."""
    with fresh_database(server_url, full.template) as url:
        database = connect(url)
        yield database
        database.close()


@pytest.fixture
def full_artifacts(full: FullStudy, artifacts: Artifacts) -> Artifacts:
    """An artifact store with the files of the full study."""
    shutil.copytree(full.folder, artifacts.root, dirs_exist_ok=True)
    return artifacts


@pytest.fixture
def full_study(full_db: Database) -> optuna.Study:
    return optuna.load_study(study_name="mars", storage=full_db.storage)
