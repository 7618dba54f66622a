"""A backup goes from the embedded server's PostgreSQL to the oldest one that is supported, and back."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from storage.artifacts.folder import Folder
from storage.database.connection import Database, connect, create_tables
from storage.embedded.server import embedded_server
from tests.full_study import read_files, read_rows
from tests.integration.backup.backup_file import back_up, restore
from tests.integration.conftest import FullStudy

PROGRAMS = Path(os.environ.get("POSTGRESQL_15", "/usr/lib/postgresql/15/bin"))


@pytest.fixture
def oldest(monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """A database of PostgreSQL 15, run as the embedded server is."""
    if not (PROGRAMS / "postgres").is_file():
        pytest.skip(f"the programs of a PostgreSQL 15 server are not in {PROGRAMS}; name their folder in POSTGRESQL_15")
    monkeypatch.setattr("storage.embedded.control.find_programs", lambda account: PROGRAMS)
    folder = Path(tempfile.mkdtemp(prefix="unet-oldest-"))
    folder.chmod(0o755)  # the programs change their working folder, and return to it by its path
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


def test_from_the_embedded_server_to_postgresql_15_and_back(
    other: Database, oldest: Database, tmp_path: Path, full: FullStudy
) -> None:
    if server_version(other) == 15:
        pytest.skip("the tests run on PostgreSQL 15 alone")
    assert server_version(oldest) == 15
    there, home = tmp_path / "there", tmp_path / "home"
    restore(oldest, there, full.backup)
    restore(other, home, back_up(oldest, Folder(there), tmp_path / "home.zip"))
    assert read_rows(oldest, "mars") == read_rows(other, "mars") == full.rows
    assert read_files(there) == read_files(home) == full.files
