"""The dashboard's front without a server: requests in, responses out."""

from dataclasses import dataclass
from typing import Any

from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder, run_wsgi_app

from search.dashboard.accounts import Accounts, AccountSettings
from search.dashboard.addresses import Proxies
from search.dashboard.front import Front
from search.dashboard.reports import ReportCache
from trainer.errors import InputError

ADMIN, VIEWER = ("admin", "right"), ("viewer", "look")
HOST = "127.0.0.1:8080"
POLICY = "default-src 'self'"


@dataclass
class Received:
    """A response."""

    status: int
    headers: Headers
    body: str

    @property
    def cookie(self) -> str:
        """What a browser sends back."""
        return self.headers["Set-Cookie"].partition(";")[0]


class Site:
    """A front around a dashboard that answers everything, and records what reaches it."""

    def __init__(self, studies: tuple[str, ...] = (), proxies: str = "", **settings: str) -> None:
        self.reached: list[dict[str, Any]] = []  # the WSGI environments
        self.rendered = 0
        self.failure: Exception | None = None  # what drawing a report raises
        self._studies = studies
        accounts = Accounts(AccountSettings.model_validate(settings))
        reports = ReportCache(lambda: list(studies), self._render)
        self.front = Front(self._dashboard, accounts, reports, Proxies(proxies))
        self.answer: tuple[str, list[tuple[str, str]]] | None = None  # status and headers of the dashboard

    def ask(
        self,
        path: str,
        method: str = "GET",
        *,
        account: tuple[str, str] | None = None,
        form: dict[str, str] | bytes | None = None,
        address: str = "192.0.2.7",
        **headers: str,
    ) -> Received:
        """Sends one request. The path goes out as it is; headers have underscores for hyphens."""
        environ = self.make_environ(path, method, account=account, form=form, address=address, **headers)
        parts, status, received = run_wsgi_app(self.front, environ, buffered=True)
        return Received(int(status.split()[0]), received, b"".join(parts).decode())

    def make_environ(
        self,
        path: str,
        method: str,
        *,
        account: tuple[str, str] | None = None,
        form: dict[str, str] | bytes | None = None,
        address: str = "192.0.2.7",
        **headers: str,
    ) -> dict[str, Any]:
        """The WSGI environment of a request, with the arguments of `ask`."""
        path, _, query = path.partition("?")
        builder = EnvironBuilder(
            base_url=f"http://{HOST}",
            method=method,
            data=form,
            content_type="application/x-www-form-urlencoded" if form else None,
            auth=account,
            environ_overrides={"PATH_INFO": path, "QUERY_STRING": query, "REMOTE_ADDR": address},
        )
        return builder.get_environ() | {f"HTTP_{name.upper()}": value for name, value in headers.items()}

    def sign_in(self, user: str, password: str, after: str = "/dashboard", **headers: str) -> Received:
        return self.ask("/login", "POST", form={"user": user, "password": password, "next": after}, **headers)

    def _dashboard(self, environ: Any, start: Any) -> list[bytes]:
        self.reached.append(environ)
        headers = [("Content-Type", "text/html"), ("Access-Control-Allow-Origin", "*")]
        if environ["PATH_INFO"].startswith("/dashboard"):
            headers.append(("Content-Security-Policy", POLICY))
        start(*(self.answer or ("200 OK", headers)))
        return [b"dashboard"]

    def _render(self, name: str) -> str:
        if self.failure is not None:
            raise self.failure
        if name not in self._studies:
            raise InputError(f"a study must exist; got {name!r}")
        self.rendered += 1
        return f"report of {name}"


def guarded_site(*studies: str) -> Site:
    """A site with both accounts."""
    return Site(studies, "", DASHBOARD_PASSWORD=ADMIN[1], DASHBOARD_VIEWER_PASSWORD=VIEWER[1])
