"""The front's own responses, and the security headers of every response."""

import json
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from werkzeug import utils
from werkzeug.datastructures import Headers
from werkzeug.wrappers import Response

from search.dashboard.log import log

# For every response without a policy of its own, so for each uploaded file: a browser shows it and runs nothing in it.
SANDBOX = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; frame-ancestors 'none'"
# For the front's own pages, which have forms and no scripts.
PAGE = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; frame-ancestors 'none'"

# What a browser shows of the uploaded files; it saves all others. An SVG may hold scripts.
PICTURES = ("image/png", "image/jpeg", "image/webp", "image/gif")

EVERYWHERE = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # with no-referrer a form's Origin would be null
    "Cross-Origin-Resource-Policy": "same-origin",
}


def html_page(html: str, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """One of the front's own pages."""
    return Response(html, status, {"Content-Security-Policy": PAGE}, mimetype="text/html")


def json_error(status: HTTPStatus, reason: str) -> Response:
    """An error as one line of JSON."""
    return Response(json_reason(reason), status, mimetype="application/json")


def json_reason(reason: str) -> str:
    """The reason of an error as one line of JSON, in optuna-dashboard's form."""
    return json.dumps({"reason": reason}) + "\n"


def redirect(path: str) -> Response:
    """Sends a browser to a path of this server, by GET."""
    return utils.redirect(path, HTTPStatus.SEE_OTHER)


def add_security_headers(start: StartResponse, path: str) -> StartResponse:
    """A `start_response` that adds the security headers, whichever application answers; `path` is the request's."""
    cache = "private, no-cache" if path.startswith("/static/") else "no-store"  # no-cache: stored, and revalidated

    def start_secured(status: str, headers: list[tuple[str, str]], exc_info: Any = None, /) -> Callable[[bytes], Any]:
        secured = Headers(headers)
        secured.remove("Access-Control-Allow-Origin")  # optuna-dashboard opens its artifacts to every site
        secured.setdefault("Content-Security-Policy", SANDBOX)
        secured.update({**EVERYWHERE, "Cache-Control": cache})
        if path.startswith("/artifacts/") and secured.get("Content-Type") not in PICTURES:
            secured.update({"Content-Type": "application/octet-stream", "Content-Disposition": "attachment"})
        return start(status, secured.to_wsgi_list(), exc_info)

    return start_secured


def log_outcome(application: WSGIApplication, change: str) -> WSGIApplication:
    """The application, which logs a change and its status as one line."""

    def logged(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        def start_logged(status: str, headers: list[tuple[str, str]], exc_info: Any = None, /) -> Any:
            log(f"{change}: {status}")
            return start(status, headers, exc_info)

        return application(environ, start_logged)

    return logged
