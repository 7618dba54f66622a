"""Run folders for an embedded server: a new one, and copies of one whose server has been used before."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from storage.embedded.control import initialise


@pytest.fixture
def folder() -> Iterator[Path]:
    """A run folder, not made yet, in a private folder, as /root is, with a space in its name."""
    path = Path(tempfile.mkdtemp(prefix="unet test "))
    yield path / "run"
    subprocess.run(["chmod", "-R", "u+w", str(path)], check=True)
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def initialised() -> Iterator[Path]:
    """A run folder with a server's data."""
    path = Path(tempfile.mkdtemp(prefix="unet test "))
    initialise(path / "pgdata")
    yield path
    shutil.rmtree(path)


@pytest.fixture
def used_folder(folder: Path, initialised: Path) -> Path:
    """A run folder whose server has been used before."""
    return copy_server(initialised, folder)


@pytest.fixture
def sketched_folder(folder: Path, initialised: Path) -> Path:
    """A run folder of which PostgreSQL reads enough to refuse it; quicker to copy than a whole one."""
    pgdata = folder / "pgdata"
    (pgdata / "global").mkdir(parents=True)
    for name in ("PG_VERSION", "postgresql.conf", "global/pg_control"):
        shutil.copy(initialised / "pgdata" / name, pgdata / name)
    owner = (initialised / "pgdata").stat()
    subprocess.run(["chown", "-R", f"{owner.st_uid}:{owner.st_gid}", str(pgdata)], check=True)
    pgdata.chmod(0o700)
    return folder


def copy_server(source: Path, target: Path) -> Path:
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)
    return target


def server_pid(folder: Path) -> int | None:
    path = folder / "pgdata" / "postmaster.pid"
    return int(path.read_text().split()[0]) if path.exists() else None


def query_version(url: str) -> str:
    return query(url, "show server_version")


def query(url: str, statement: str) -> str:
    """The only value of a statement's result, as text."""
    engine = create_engine(url)
    with engine.connect() as connection:
        value = str(connection.scalar(text(statement)))
    engine.dispose()
    return value
