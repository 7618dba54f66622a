"""What optuna-dashboard does to whole studies, done so that nothing of ours is lost.

It knows neither our tables nor our files: a study that it deletes leaves checkpoints and weights behind, and one that
it renames, which is a copy, has no question and no budget.
"""

import re
from collections.abc import Iterable
from http import HTTPStatus
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from search.dashboard.response import Answer, reason
from storage.artifacts.store import Artifacts
from storage.database.connection import Database
from storage.errors import StorageError
from storage.studies.catalogue import delete_study
from storage.studies.study import study_name

STUDY = re.compile(r"/api/studies/(\d+)(/rename)?")
NAME_STAYS = "a study keeps its name, by which its workers and files are found: this was not changed"


def keeping_studies(dashboard: WSGIApplication, db: Database, artifacts: Artifacts) -> WSGIApplication:
    """The dashboard, with deletions of studies as `unet-search study delete` does them, and no renaming."""

    def answer(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "ignore").rstrip("/")  # as the dashboard reads it
        found = STUDY.fullmatch(path)
        if found and found[2] and environ["REQUEST_METHOD"] == "POST":
            return reason(HTTPStatus.CONFLICT, NAME_STAYS).send(start)
        if found and not found[2] and environ["REQUEST_METHOD"] == "DELETE":
            return _delete(db, artifacts, int(found[1])).send(start)
        return dashboard(environ, start)

    return answer


def _delete(db: Database, artifacts: Artifacts, study_id: int) -> Answer:
    try:
        name = study_name(db, study_id)
        if name is None:
            return reason(HTTPStatus.NOT_FOUND, f"a study must exist; got the id {study_id}")
        delete_study(db, artifacts, study_id, name)
    except (StorageError, OSError) as error:  # workers are at it, or its files cannot be removed
        return reason(HTTPStatus.CONFLICT, str(error))
    return Answer(HTTPStatus.NO_CONTENT)
