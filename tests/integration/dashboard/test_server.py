"""The dashboard's work on the storage beside showing it: warming the cache, deleting studies."""

import threading
from pathlib import Path
from typing import Any
from uuid import uuid4

import optuna
import pytest
from werkzeug.test import EnvironBuilder, run_wsgi_app

from search.dashboard.server import warm_cache
from search.dashboard.studies import intercept_study_changes
from storage.artifacts.folder import Folder
from storage.database.connection import Database, connect
from storage.studies.leases import claim_slot
from tests.postgres_server import fresh_database


def read_all(db: Database) -> None:
    """Warms the cache, and waits for it; pytest fails where the thread raises."""
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


def test_warming_ignores_a_database_that_has_gone(server_url: str, template: str) -> None:
    with fresh_database(server_url, template) as url:
        db = connect(url)
        assert db.storage.get_all_studies() == []
    read_all(db)
    db.close()


def test_a_study_with_workers_is_not_deleted(db: Database, study: optuna.Study, tmp_path: Path) -> None:
    claim_slot(db, study._study_id, uuid4(), "host:0")
    status, body = delete(db, study._study_id, tmp_path)
    assert status == 409 and b"must not be worked on" in body
    assert study.study_name in optuna.get_all_study_names(db.storage)


def test_a_study_that_is_gone_is_not_found(db: Database, study: optuna.Study, tmp_path: Path) -> None:
    assert delete(db, study._study_id, tmp_path)[0] == 204
    assert delete(db, study._study_id, tmp_path)[0] == 404


@pytest.mark.parametrize("end", ["", "/", "\n", "\n/", "\xff", "//"])
def test_optuna_dashboard_itself_deletes_and_renames_nothing(
    db: Database, study: optuna.Study, tmp_path: Path, end: str
) -> None:
    path = f"/api/studies/{study._study_id}"
    assert ask(db, tmp_path, "POST", f"{path}/rename{end}")[0] == 409
    assert optuna.get_all_study_names(db.storage) == [study.study_name]
    assert ask(db, tmp_path, "DELETE", path + end)[0] == 204


def delete(db: Database, study_id: int, folder: Path) -> tuple[int, bytes]:
    """Status and body of the response to a deletion."""
    return ask(db, folder, "DELETE", f"/api/studies/{study_id}/")


def ask(db: Database, folder: Path, method: str, path: str) -> tuple[int, bytes]:
    """Status and body of a response that optuna-dashboard must not give itself."""
    app = intercept_study_changes(unreachable, db, Folder(folder))
    environ = EnvironBuilder(method=method, environ_overrides={"PATH_INFO": path}).get_environ()
    parts, status, _ = run_wsgi_app(app, environ)
    return int(status.split()[0]), b"".join(parts)


def unreachable(environ: Any, start: Any) -> Any:
    raise AssertionError(f"optuna-dashboard got {environ['REQUEST_METHOD']} {environ['PATH_INFO']!r}")
