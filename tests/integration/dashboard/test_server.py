"""The dashboard's work on the storage beside showing it: reading ahead, deleting studies; and its failures."""

import json
import threading
from mimetypes import guess_type
from pathlib import Path
from uuid import uuid4

import optuna
import pytest
from optuna.artifacts import upload_artifact
from optuna_dashboard import wsgi
from sqlalchemy import text

from search.dashboard.details.answer import Details
from search.dashboard.studies import take_over_studies
from storage.artifacts.folder import Folder
from storage.database.connection import Database, connect
from storage.studies.leases import claim_slot
from tests.integration.dashboard.site import Site
from tests.postgres_server import fresh_database
from trainer.errors import InputError

ODD_PATHS = [
    *("/api/studies/{}\n", "/api/studies/{}\n/", "/api/studies/{}\xff", "/api/studies/{}\x00", "/api/studies/{}\r"),
    *("/api//studies/{}", "/api/./studies/{}", "/x/../api/studies/{}", "/api\\studies\\{}", "/api/studies/{};a=b"),
    *("/API/studies/{}", "/api/studies/%3{}", "/api/studies/{}%2F", "/api/studies/{}.", "/api/studies/ {}"),
    *(
        "/api/studies/{}\xc2\x85",
        "/api/studies/{}\xe2\x80\xa8",
        "/api/studies/+{}",
        "/api/studies/{}?",
        "/api/studies/{}#",
    ),
]

PNG = b"\x89PNG\r\n\x1a\n and more"


@pytest.fixture
def site(db: Database, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Site:
    site = Site(db, tmp_path)
    capfd.readouterr()  # who signs in
    return site


def warm(db: Database) -> Details:
    """Has the trials read, and waits for it; pytest fails where the thread raises."""
    details = Details(db)
    details.warm()
    for thread in threading.enumerate():
        if thread.name == "warm-details":
            thread.join(20)
    return details


def test_trials_are_read_before_they_are_asked_for(db: Database, study: optuna.Study) -> None:
    study.add_trial(optuna.trial.create_trial(value=0.5))
    assert [told.value for told in warm(db)._kept[study._study_id]._told.values()] == [0.5]


def test_warming_ignores_a_database_that_has_gone(server_url: str, template: str) -> None:
    with fresh_database(server_url, template) as url:
        db = connect(url)
        assert db.storage.get_all_studies() == []
    warm(db)
    db.close()


def test_a_study_with_workers_is_not_deleted(db: Database, study: optuna.Study, site: Site) -> None:
    claim_slot(db, study._study_id, uuid4(), "host:0")
    status, body = site.ask("DELETE", f"/api/studies/{study._study_id}/")
    assert status == 409 and b"must not be worked on" in body
    assert study.study_name in optuna.get_all_study_names(db.storage)


def test_a_study_that_is_gone_is_not_found(study: optuna.Study, site: Site) -> None:
    assert site.ask("DELETE", f"/api/studies/{study._study_id}/")[0] == 204
    for gone in (study._study_id, 99999999999999999999, -1):
        assert site.ask("DELETE", f"/api/studies/{gone}/")[0] == 404


@pytest.mark.parametrize("end", ["", "/", "//"])
@pytest.mark.parametrize("digits", ["{}", "\u0660{}", "0{}"], ids=ascii)
def test_optuna_dashboard_itself_deletes_and_renames_nothing(
    db: Database, study: optuna.Study, site: Site, end: str, digits: str
) -> None:
    path = f"/api/studies/{digits.format(study._study_id)}".encode().decode("latin-1")
    assert site.ask("POST", f"{path}/rename{end}", study_name="other")[0] == 409
    assert optuna.get_all_study_names(db.storage) == [study.study_name]
    assert site.ask("delete", path + end)[0] == 204
    with db.engine.connect() as connection:
        assert connection.scalar(text("select count(*) from unet_search_studies")) == 0  # optuna-dashboard leaves them


def test_odd_paths_change_nothing(db: Database, study: optuna.Study, site: Site) -> None:
    for path in ODD_PATHS:
        for method, end in (("DELETE", ""), ("POST", "/rename")):
            status, _ = site.ask(method, path.format(study._study_id) + end, study_name="other")
            assert status in (400, 404, 405), path
    assert optuna.get_all_study_names(db.storage) == [study.study_name]


def test_another_optuna_dashboard_is_refused(db: Database, tmp_path: Path) -> None:
    app = wsgi(db.storage)
    app.routes[:] = [route for route in app.routes if "rename" not in route.rule]
    with pytest.raises(InputError, match="must have the route POST /api/studies/<study_id:int>/rename"):
        take_over_studies(app, db, Folder(tmp_path))


@pytest.mark.parametrize("missing", ["/artifacts/{}/ab", "/artifacts/{}/7/ab", "/artifacts/99/ab", "/csv/99"])
def test_what_is_not_there_is_not_found(
    study: optuna.Study, site: Site, missing: str, capfd: pytest.CaptureFixture[str]
) -> None:
    attributes = {"artifact_id": "ab", "filename": "a.png", "mimetype": "image/png", "encoding": None}
    study._storage.set_study_system_attr(study._study_id, "artifacts:ab", json.dumps(attributes))
    assert site.ask("GET", missing.format(study._study_id))[0] == 404
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("name", "content", "served"),
    [
        ("picture.png", PNG, "image/png"),
        ("page.html", PNG, "image/png"),
        ("picture.png", b"<script>alert(1)</script>", "application/octet-stream"),
        ("picture.jpg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "application/octet-stream"),
        ("page.html", b"<html></html>", "application/octet-stream"),
        ("empty.gif", b"", "application/octet-stream"),
    ],
)
@pytest.mark.parametrize("of_trial", [True, False])
def test_an_artifact_is_served_as_what_it_is(
    study: optuna.Study, site: Site, tmp_path: Path, name: str, content: bytes, served: str, of_trial: bool
) -> None:
    (tmp_path / "picture").write_bytes(content)
    owner = study.ask() if of_trial else study
    path = f"/artifacts/{study._study_id}" + (f"/{owner._trial_id}" if isinstance(owner, optuna.Trial) else "")
    store, mimetype = Folder(tmp_path).store, guess_type(name)[0]
    kept = upload_artifact(
        artifact_store=store, file_path=str(tmp_path / "picture"), study_or_trial=owner, mimetype=mimetype
    )
    headers, body = site.get(f"{path}/{kept}")
    assert (headers["Content-Type"], body) == (served, content)
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers.get("Content-Disposition") == (None if served == "image/png" else "attachment")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # optuna-dashboard closes no file then
def test_a_type_that_is_no_header_ends_one_request(
    study: optuna.Study, site: Site, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "ab").write_bytes(b"a")
    attributes = {"artifact_id": "ab", "filename": "a", "mimetype": "a\r\nSet-Cookie: a=b", "encoding": None}
    study._storage.set_study_system_attr(study._study_id, "artifacts:ab", json.dumps(attributes))
    assert site.ask("GET", f"/artifacts/{study._study_id}/ab")[0] == 500
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("dashboard: ValueError")


@pytest.mark.parametrize("path", ["/api/studies", "/api/studies/{}", "/csv/{}", "/artifacts/{}/ab", "/report/mars"])
def test_without_a_database_each_request_is_one_line(
    server_url: str,
    template: str,
    tmp_path: Path,
    path: str,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    with fresh_database(server_url, template) as url:
        db = connect(url)
        study = optuna.create_study(study_name="mars", storage=db.storage)
        site = Site(db, tmp_path)
    capfd.readouterr()
    status, body = site.ask("GET", path.format(study._study_id))
    (line,) = capfd.readouterr().err.splitlines() + caplog.messages
    assert line.startswith("dashboard: ") and "does not exist" in line
    if path == "/report/mars":
        assert status == 503 and b"does not exist" in body and b"Traceback" not in body
    else:
        assert status in (500, 503) and body.startswith(b'{"reason": ') and body.count(b"\n") <= 1
    db.close()
