"""Budget for backups: an artifact store, another one, another database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.artifacts.folder import Folder
from storage.artifacts.store import Artifacts, open_artifacts
from storage.backup.read import check_backup, open_backup
from storage.backup.restore import restore_backup
from storage.backup.write import write_backup
from storage.database.connection import Database, connect
from storage.settings import Settings
from tests.server import fresh_database


@pytest.fixture
def artifacts(tmp_path: Path) -> Artifacts:
    return open_artifacts(Settings(dir=tmp_path / "run", artifacts=None))


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """Another artifact store, not made yet."""
    return tmp_path / "elsewhere" / "artifacts"


@pytest.fixture
def other(server_url: str, template: str) -> Iterator[Database]:
    """Another database with empty tables."""
    with fresh_database(server_url, template) as url:
        database = connect(url)
        yield database
        database.close()


def keep(db: Database, artifacts: Artifacts, path: Path, *names: str) -> Path:
    write_backup(db, artifacts, path, names)
    return path


def restore(db: Database, to: Artifacts | Path, path: Path) -> None:
    with open_backup(path) as backup:
        check_backup(backup)
        restore_backup(db, Folder(to) if isinstance(to, Path) else to, backup)
