"""A backup goes from the embedded server's PostgreSQL to the oldest one that is supported, and back."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from storage.artifacts.folder import Folder
from storage.artifacts.store import open_artifacts
from storage.backup.read import check_backup, open_backup
from storage.backup.restore import restore_backup
from storage.backup.write import write_backup
from storage.database.connection import Database, connect, create_tables
from storage.embedded.server import embedded_server
from storage.settings import Settings
from tests.full_study import contents, dump, fill

PROGRAMS = Path(os.environ.get("POSTGRESQL_15", "/usr/lib/postgresql/15/bin"))


@pytest.fixture
def oldest(monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """A database of PostgreSQL 15, run as the embedded server is."""
    if not (PROGRAMS / "postgres").is_file():
        pytest.skip(f"the programs of a PostgreSQL 15 server are not in {PROGRAMS}; name their folder in POSTGRESQL_15")
    monkeypatch.setattr("storage.embedded.control.find_programs", lambda account: PROGRAMS)
    folder = Path(tempfile.mkdtemp(prefix="unet-oldest-"))
    folder.chmod(0o755)  # its programs leave their working folder, and come back by its path
    try:
        with embedded_server(folder) as url:
            create_tables(url)
            database = connect(url)
            yield database
            database.close()
    finally:
        shutil.rmtree(folder)


def server_version(db: Database) -> int:
    with db.engine.connect() as connection:
        return int(connection.scalar(text("show server_version_num")) or 0) // 10_000


def move(source: Database, root: Path, target: Database, to: Path, path: Path) -> None:
    write_backup(source, Folder(root), path)
    with open_backup(path) as backup:
        check_backup(backup)
        restore_backup(target, Folder(to), backup)


def test_from_the_embedded_server_to_postgresql_15_and_back(
    db: Database, oldest: Database, server_url: str, empty_url: str, tmp_path: Path
) -> None:
    if server_version(db) == 15:
        pytest.skip("the tests run on PostgreSQL 15 alone")
    assert server_version(oldest) == 15
    artifacts = open_artifacts(Settings(dir=tmp_path / "run", artifacts=None))
    fill(db, artifacts)
    there, home = tmp_path / "there", tmp_path / "home"
    move(db, artifacts.root, oldest, there, tmp_path / "out.zip")
    create_tables(empty_url)
    back = connect(empty_url)
    move(oldest, there, back, home, tmp_path / "home.zip")
    assert dump(db, "mars") == dump(oldest, "mars") == dump(back, "mars")
    assert contents(artifacts.root) == contents(there) == contents(home)
    back.close()
