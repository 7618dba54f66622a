"""The front's own responses, and the security headers of every response."""

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from wsgiref.types import StartResponse

from werkzeug import utils
from werkzeug.datastructures import Headers
from werkzeug.wrappers import Response

# For every response without a policy of its own, so for each uploaded file: a browser shows it and runs nothing in it.
SANDBOX = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; frame-ancestors 'none'"
# For the front's own pages, which have forms and no scripts.
PAGE = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; frame-ancestors 'none'"

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
    """An error as one line of JSON, in optuna-dashboard's form."""
    return Response(json.dumps({"reason": reason}) + "\n", status, mimetype="application/json")


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
        return start(status, secured.to_wsgi_list(), exc_info)

    return start_secured
