"""Deletion and renaming of whole studies, taken over from optuna-dashboard.

Optuna-dashboard knows neither our tables nor our files: a study that it deletes leaves checkpoints and weights behind,
and one that it renames, which is a copy, has no question and no budget.
"""

import re
from collections.abc import Iterable
from http import HTTPStatus
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from werkzeug.wrappers import Response

from search.dashboard.response import json_error
from storage.artifacts.interface import Artifacts
from storage.database.connection import Database
from storage.errors import StorageError
from storage.studies.catalogue import delete_study
from storage.studies.study import study_name

STUDY = re.compile(r"/api/studies/(\d+)(/rename)?\n?")  # its router ignores a newline at the end
NO_RENAMING = "a study keeps its name, by which its workers and files are found: this was not changed"


def intercept_study_changes(dashboard: WSGIApplication, db: Database, artifacts: Artifacts) -> WSGIApplication:
    """The dashboard, with deletions of studies as `unet-search study delete` does them, and without renaming."""

    def application(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        # Decoded as the dashboard does it, which drops bytes that are no UTF-8; werkzeug would replace them.
        path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "ignore").rstrip("/")
        found = STUDY.fullmatch(path)
        if found and found[2] and environ["REQUEST_METHOD"] == "POST":
            return json_error(HTTPStatus.CONFLICT, NO_RENAMING)(environ, start)
        if found and not found[2] and environ["REQUEST_METHOD"] == "DELETE":
            return _delete(db, artifacts, int(found[1]))(environ, start)
        return dashboard(environ, start)

    return application


def _delete(db: Database, artifacts: Artifacts, study_id: int) -> Response:
    try:
        name = study_name(db, study_id)
        if name is None:
            return json_error(HTTPStatus.NOT_FOUND, f"a study must exist; got the id {study_id}")
        delete_study(db, artifacts, study_id, name)
    except (StorageError, OSError) as error:  # the study has workers, or its files cannot be removed
        return json_error(HTTPStatus.CONFLICT, str(error))
    return Response(status=HTTPStatus.NO_CONTENT)
