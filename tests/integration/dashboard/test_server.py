"""What the dashboard does with the storage beside showing it."""

import threading
from pathlib import Path
from typing import Any
from uuid import uuid4

import optuna

from search.dashboard.server import warm_cache
from search.dashboard.studies import keeping_studies
from storage.artifacts.folder import Folder
from storage.database.connection import Database, connect
from storage.studies.leases import claim_slot
from tests.postgres_server import fresh_database


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


def test_a_study_that_is_worked_on_is_not_deleted(db: Database, study: optuna.Study, tmp_path: Path) -> None:
    claim_slot(db, study._study_id, uuid4(), "host:0")
    status, body = delete(db, study._study_id, tmp_path)
    assert status == "409 Conflict" and b"must not be worked on" in body
    assert study.study_name in optuna.get_all_study_names(db.storage)


def test_a_study_that_is_gone_is_not_found(db: Database, study: optuna.Study, tmp_path: Path) -> None:
    assert delete(db, study._study_id, tmp_path)[0] == "204 No Content"
    assert delete(db, study._study_id, tmp_path)[0] == "404 Not Found"


def delete(db: Database, study_id: int, folder: Path) -> tuple[str, bytes]:
    """Status and body of the answer to a deletion, which must not reach optuna-dashboard."""
    started: list[Any] = []
    front = keeping_studies(lambda environ, start: [b"reached"], db, Folder(folder))
    environ = {"REQUEST_METHOD": "DELETE", "PATH_INFO": f"/api/studies/{study_id}/"}
    body = b"".join(front(environ, lambda status, headers, exc_info=None: started.append(status)))
    return started[0], body
