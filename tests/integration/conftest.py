"""An open database with empty tables, a study in it, and an artifact store."""

from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest

from storage.artifacts.store import Artifacts, open_artifacts
from storage.database.connection import Database, connect
from storage.settings import Settings
from storage.studies.study import set_budget


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
    return open_artifacts(Settings(dir=tmp_path / "run", artifacts=None))
