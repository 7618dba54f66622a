"""One real PostgreSQL for all tests, and in it a fresh database for each, cloned from a template."""

from collections.abc import Iterator

import optuna
import pytest
from sqlalchemy import make_url

from storage.database.connection import Database, connect, create_tables
from storage.studies.study import set_budget
from tests.server import fresh_database
from tests.server import server_url as server_url


@pytest.fixture(scope="session")
def template(server_url: str) -> Iterator[str]:
    """The name of a database that holds the tables and nothing else."""
    with fresh_database(server_url) as url:
        create_tables(url)
        yield str(make_url(url).database)


@pytest.fixture
def empty_url(server_url: str) -> Iterator[str]:
    """The URL of a database without tables."""
    with fresh_database(server_url) as url:
        yield url


@pytest.fixture
def database_url(server_url: str, template: str) -> Iterator[str]:
    """The URL of a database with empty tables."""
    with fresh_database(server_url, template) as url:
        yield url


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
