"""The front around the real optuna-dashboard, without a server."""

from pathlib import Path
from typing import Any

from optuna_dashboard import wsgi
from werkzeug.test import EnvironBuilder, run_wsgi_app

from search.dashboard.accounts import Accounts, AccountSettings
from search.dashboard.artifacts import take_over_artifacts
from search.dashboard.details.answer import Details
from search.dashboard.details.importances import Importances
from search.dashboard.failures import answer_failures
from search.dashboard.front import Front
from search.dashboard.reports import cache_reports
from search.dashboard.studies import take_over_studies
from storage.artifacts.folder import Folder
from storage.database.connection import Database


class Site:
    """Every request is an administrator's."""

    def __init__(self, db: Database, folder: Path) -> None:
        artifacts = Folder(folder)
        app = wsgi(db.storage, artifact_store=artifacts.store)
        take_over_studies(app, db, artifacts)
        take_over_artifacts(app, artifacts)
        Details(db).take_over(app)
        Importances(db).take_over(app)
        accounts = Accounts(AccountSettings.model_validate({"DASHBOARD_PASSWORD": "right"}))
        self._front = Front(answer_failures(app), accounts, cache_reports(db, artifacts))
        self._cookie = ""
        self._cookie = self._send("POST", "/login", data={"user": "admin", "password": "right"})[1]["Set-Cookie"]

    def ask(self, method: str, path: str, **fields: str) -> tuple[int, bytes]:
        """Status and body of the response to a request with these fields as JSON."""
        status, _, body = self._send(method, path, json=fields)
        return status, body

    def get(self, path: str, **request: Any) -> tuple[dict[str, str], bytes]:
        """Headers and body of what lies under a path; `request` are arguments of `EnvironBuilder`."""
        status, headers, body = self._send("GET", path, **request)
        assert status == 200
        return dict(headers), body

    def _send(self, method: str, path: str, **request: Any) -> tuple[int, Any, bytes]:
        environ = EnvironBuilder(method=method, environ_overrides={"PATH_INFO": path}, **request).get_environ()
        environ |= {"REQUEST_METHOD": method, "HTTP_COOKIE": self._cookie.partition(";")[0]}
        parts, status, headers = run_wsgi_app(self._front, environ, buffered=True)
        return int(status.split()[0]), headers, b"".join(parts)
