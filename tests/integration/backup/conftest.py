"""Where a backup is restored to: another artifact store, and another database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.database.connection import Database, connect
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
