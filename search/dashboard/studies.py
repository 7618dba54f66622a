"""Deletion and renaming of whole studies, taken over from optuna-dashboard.

Optuna-dashboard knows neither our tables nor our files: a study that it deletes leaves checkpoints and weights behind,
and one that it renames, which is a copy, has no question and no budget.
"""

from http import HTTPStatus

from bottle import Bottle, HTTPResponse

from search.dashboard.response import json_reason
from search.dashboard.routes import replace_route
from storage.artifacts.interface import Artifacts
from storage.database.connection import Database, translate_errors
from storage.errors import StorageError
from storage.studies.catalogue import delete_study
from storage.studies.study import study_name

DELETE = ("DELETE", "/api/studies/<study_id:int>")  # method and rule, as optuna-dashboard has them
RENAME = ("POST", "/api/studies/<study_id:int>/rename")
NO_RENAMING = "a study keeps its name, by which its workers and files are found: this was not changed"


def take_over_studies(dashboard: Bottle, db: Database, artifacts: Artifacts) -> None:
    """Lets the dashboard delete studies as `unet-search study delete` does it, and rename none.

    Raises InputError for another version of optuna-dashboard that has not these routes.
    """
    replace_route(dashboard, *DELETE, lambda _: lambda study_id: _delete(db, artifacts, study_id))
    replace_route(dashboard, *RENAME, lambda _: lambda study_id: _refuse())


def _refuse() -> HTTPResponse:
    return _answer(HTTPStatus.CONFLICT, NO_RENAMING)


def _delete(db: Database, artifacts: Artifacts, study_id: int) -> HTTPResponse:
    try:
        with translate_errors(db.url):
            name = study_name(db, study_id)
        if name is None:
            return _answer(HTTPStatus.NOT_FOUND, f"a study must exist; got the id {study_id}")
        delete_study(db, artifacts, study_id, name)
    except (StorageError, OSError) as error:  # the study has workers, or its files cannot be removed
        return _answer(HTTPStatus.CONFLICT, str(error))
    return HTTPResponse(status=HTTPStatus.NO_CONTENT)


def _answer(status: HTTPStatus, reason: str) -> HTTPResponse:
    return HTTPResponse(json_reason(reason), status, content_type="application/json")
