"""Backups of the full study, and where one is restored to: another artifact store, and another database."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.database.connection import Database, connect
from tests.integration.backup.backup_file import Members, change_backup
from tests.integration.conftest import FullStudy
from tests.postgres_server import fresh_database


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


@pytest.fixture
def backup_copy(full: FullStudy, tmp_path: Path) -> Path:
    """A copy of the full study's backup, which a test may change."""
    return Path(shutil.copy(full.backup, tmp_path / "copy.zip"))


@pytest.fixture
def invalid_backup(backup_copy: Path) -> Path:
    """A backup that passes `check_backup`, with a parameter that is there twice, which PostgreSQL refuses."""

    def change(members: Members) -> None:
        rows = members["rows/trial_params.jsonl"]
        members["rows/trial_params.jsonl"] = rows + rows.splitlines(keepends=True)[0]
        manifest = json.loads(members["format.json"])
        manifest["rows"]["trial_params"] += 1
        members["format.json"] = json.dumps(manifest).encode()

    change_backup(backup_copy, change)
    return backup_copy
