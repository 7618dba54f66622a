"""What the front answers itself, and the headers of whatever leaves the server."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from wsgiref.types import StartResponse

Headers = list[tuple[str, str]]

# Of everything that brings no policy of its own, so of each uploaded file: it is shown, and runs nothing.
SANDBOX = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; frame-ancestors 'none'"
# Of our own pages: a form, no script.
PAGE = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; frame-ancestors 'none'"

EVERYWHERE = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # with no-referrer a form's Origin would be null
    "Cross-Origin-Resource-Policy": "same-origin",
}
DROPPED = ("access-control-allow-origin", "cache-control")  # optuna-dashboard opens its artifacts to every site


@dataclass(frozen=True)
class Answer:
    """A whole answer."""

    status: HTTPStatus
    body: str = ""
    headers: tuple[tuple[str, str], ...] = ()

    def send(self, start: StartResponse, with_body: bool = True) -> Iterable[bytes]:
        body = self.body.encode()
        start(f"{self.status} {self.status.phrase}", [*self.headers, ("Content-Length", str(len(body)))])
        return [body] if with_body else []


def page(html: str, status: HTTPStatus = HTTPStatus.OK, *headers: tuple[str, str]) -> Answer:
    """One of our own pages."""
    return Answer(
        status, html, (("Content-Type", "text/html; charset=utf-8"), ("Content-Security-Policy", PAGE), *headers)
    )


def reason(status: HTTPStatus, text: str, *headers: tuple[str, str]) -> Answer:
    """One line of JSON, as optuna-dashboard says what is wrong."""
    return Answer(status, json.dumps({"reason": text}) + "\n", (("Content-Type", "application/json"), *headers))


def redirect(path: str, *headers: tuple[str, str]) -> Answer:
    """Sends a browser on, to a path of this server, by GET."""
    return Answer(HTTPStatus.SEE_OTHER, "", (("Location", path), *headers))


def guarded(start: StartResponse, path: str) -> StartResponse:
    """Starts a response with the headers that all of them have."""
    cache = "private, no-cache" if path.startswith("/static/") else "no-store"  # no-cache: kept, but asked for again

    def start_guarded(status: str, headers: Headers, exc_info: Any = None, /) -> Callable[[bytes], object]:
        names = {name.lower() for name, _ in headers}
        kept = [(name, value) for name, value in headers if name.lower() not in DROPPED]
        policy = {} if "content-security-policy" in names else {"Content-Security-Policy": SANDBOX}
        return start(status, [*kept, *EVERYWHERE.items(), *policy.items(), ("Cache-Control", cache)], exc_info)

    return start_guarded
