"""What the dashboard does with the storage beside showing it."""

import threading

import optuna

from search.dashboard.warm import warm_cache
from storage.database import Database, connect
from tests.server import fresh_database


def read_all(db: Database) -> None:
    """Warms the cache, and waits for it; pytest makes an error of what is raised in a thread."""
    warm_cache(db.storage)
    for thread in threading.enumerate():
        if thread.name == "warm-cache":
            thread.join(20)


def test_the_cache_is_warmed(db: Database, study: optuna.Study) -> None:
    study.add_trial(optuna.trial.create_trial(value=0.5))
    other = connect(db.url)
    read_all(other)
    assert [trial.value for trial in other.storage._studies[study._study_id].trials.values()] == [0.5]
    other.close()


def test_a_database_that_has_gone_is_no_error_of_the_warming(server_url: str, template: str) -> None:
    with fresh_database(server_url, template) as url:
        db = connect(url)
        assert db.storage.get_all_studies() == []
    read_all(db)
    db.close()
