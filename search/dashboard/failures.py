"""Failures of optuna-dashboard, a line each: with the database away every open page would log a traceback each 10 s."""

import logging
import sys
from collections.abc import Iterable
from http import HTTPStatus
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from bottle import Bottle
from optuna.artifacts.exceptions import ArtifactNotFound
from optuna.exceptions import StorageInternalError
from sqlalchemy.exc import SQLAlchemyError

from search.dashboard.log import log
from search.dashboard.response import json_error
from search.log import one_line
from storage.errors import StorageError


def answer_failures(dashboard: Bottle) -> WSGIApplication:
    """The dashboard, with a status and one line in the log for whatever it raises."""
    dashboard.catchall = False  # what its pages and files raise comes here; Bottle would print a traceback
    logging.getLogger("optuna_dashboard._bottle_util").addFilter(_shorten)  # where its API logs what it raises

    def application(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        try:
            answer: Iterable[bytes] = dashboard(environ, start)
            return answer
        except (ArtifactNotFound, KeyError):  # no such file, study or trial
            return json_error(HTTPStatus.NOT_FOUND, "there is no such page")(environ, start)
        except (SQLAlchemyError, StorageInternalError, StorageError, OSError) as error:
            log(_describe(error))
            reason = "the database, or the artifact store, must answer; ask again"
            return json_error(HTTPStatus.SERVICE_UNAVAILABLE, reason)(environ, start)
        except Exception as error:  # a defect of optuna-dashboard ends one request
            log(_describe(error))
            return json_error(HTTPStatus.INTERNAL_SERVER_ERROR, "internal server error")(environ, start)

    return application


def _shorten(record: logging.LogRecord) -> bool:
    """Replaces a record's traceback by a line about the error that is being handled."""
    error = sys.exc_info()[1]
    if error is not None:
        record.msg, record.args = f"dashboard: {_describe(error)}", None
    return True


def _describe(error: BaseException) -> str:
    """The error as one line; the database's own where Optuna wraps it."""
    return one_line(error.__cause__ if isinstance(error, StorageInternalError) and error.__cause__ else error)
