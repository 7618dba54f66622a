"""The dashboard's front without a server: requests in, answers out."""

from base64 import b64encode
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from urllib.parse import urlencode

from search.dashboard.accounts import Accounts, AccountSettings
from search.dashboard.front import Front
from search.dashboard.reports import Reports
from trainer.errors import InputError

ADMIN, VIEWER = ("admin", "right"), ("viewer", "look")
HOST = "127.0.0.1:8080"
POLICY = "default-src 'self'"


@dataclass
class Got:
    """An answer."""

    status: int
    headers: dict[str, str]
    body: str

    @property
    def cookie(self) -> str:
        """What a browser sends back."""
        return self.headers["set-cookie"].partition(";")[0]


class Site:
    """A front around a dashboard that answers everything, and counts what reaches it."""

    def __init__(self, studies: tuple[str, ...] = (), **settings: str) -> None:
        self.reached = 0
        self.drawn = 0
        self._studies = studies
        accounts = Accounts(AccountSettings.model_validate(settings))
        self._front = Front(self._dashboard, accounts, Reports(lambda: list(studies), self._draw))

    def ask(
        self,
        path: str,
        method: str = "GET",
        *,
        account: tuple[str, str] | None = None,
        form: dict[str, str] | None = None,
        cookie: str = "",
        address: str = "192.0.2.7",
        **headers: str,
    ) -> Got:
        """One request. `headers`: as WSGI names them, without HTTP_."""
        body = urlencode(form or {}).encode()
        path, _, query = path.partition("?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "SERVER_PORT": "8080",
            "REMOTE_ADDR": address,
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": BytesIO(body),
            "HTTP_HOST": HOST,
            "HTTP_COOKIE": cookie,
        }
        if account is not None:
            environ["HTTP_AUTHORIZATION"] = "Basic " + b64encode(":".join(account).encode()).decode()
        started: list[Any] = []

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            started[:] = int(status.split()[0]), {name.lower(): value for name, value in headers}

        parts = self._front(environ | {f"HTTP_{name}": value for name, value in headers.items()}, start)
        return Got(started[0], started[1], b"".join(parts).decode())

    def sign_in(self, user: str, password: str, after: str = "/dashboard", **headers: str) -> Got:
        return self.ask("/login", "POST", form={"user": user, "password": password, "next": after}, **headers)

    def _dashboard(self, environ: Any, start: Any) -> list[bytes]:
        self.reached += 1
        headers = [("Content-Type", "text/html"), ("Access-Control-Allow-Origin", "*")]
        if environ["PATH_INFO"].startswith("/dashboard"):
            headers.append(("Content-Security-Policy", POLICY))
        start("200 OK", headers)
        return [b"dashboard"]

    def _draw(self, name: str) -> str:
        if name not in self._studies:
            raise InputError(f"a study must exist; got {name!r}")
        self.drawn += 1
        return f"report of {name}"


def guarded_site(*studies: str) -> Site:
    """A site with both accounts."""
    return Site(studies, DASHBOARD_PASSWORD=ADMIN[1], DASHBOARD_VIEWER_PASSWORD=VIEWER[1])
