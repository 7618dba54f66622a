"""What the front reads of a request."""

import base64
import re
from urllib.parse import parse_qs, quote, urlsplit
from wsgiref.types import WSGIEnvironment

from search.dashboard.accounts import is_loopback

READS = ("GET", "HEAD", "OPTIONS")  # none of optuna-dashboard's routes for these changes anything
FORM_BYTES = 4096  # a name, a password and a path
OWN_PATH = re.compile(r"/(?![/\\])[!-\[\]-~]*")  # a path of this server in printable ASCII: //host would be another's


class Request:
    """One request. Whatever it holds may come from anybody."""

    def __init__(self, environ: WSGIEnvironment) -> None:
        self.environ = environ
        self.method: str = environ["REQUEST_METHOD"]
        self.path: str = environ["PATH_INFO"] or "/"  # decoded, its bytes as latin-1
        self.address: str = environ.get("REMOTE_ADDR", "")
        self.host: str = environ.get("HTTP_HOST", "")
        self.cookie = f"unet_search_{environ['SERVER_PORT']}"  # browsers share cookies between the ports of a host

    @property
    def changes(self) -> bool:
        """Whether it may change something."""
        return self.method not in READS

    @property
    def url(self) -> str:
        """The path and query that were asked for."""
        query = self.environ.get("QUERY_STRING", "")
        return quote(self.path.encode("latin-1")) + (f"?{query}" if query else "")

    @property
    def token(self) -> str | None:
        """The session's token."""
        pairs = (pair.strip().partition("=") for pair in self.environ.get("HTTP_COOKIE", "").split(";"))
        return next((value for name, _, value in pairs if name == self.cookie), None)

    @property
    def basic(self) -> tuple[str, str] | None:
        """User and password of HTTP Basic; None where there are none, or none that can be read."""
        kind, _, code = self.environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        if kind.lower() != "basic":
            return None
        try:
            user, _, password = base64.b64decode(code).decode("utf-8", "surrogateescape").partition(":")
        except ValueError:
            return None
        return user, password

    @property
    def is_script(self) -> bool:
        """Whether it comes from a program; every browser calls itself Mozilla."""
        return not self.environ.get("HTTP_USER_AGENT", "").startswith("Mozilla")

    @property
    def is_https(self) -> bool:
        """Whether it reached a proxy by https. Who lies about it keeps nobody's cookie from coming back but his own."""
        return bool(self.environ.get("HTTP_X_FORWARDED_PROTO", "") == "https")

    @property
    def is_local(self) -> bool:
        """Whether it names this machine: a page whose name was pointed here (DNS rebinding) says its own."""
        return is_loopback(_name(self.host))

    @property
    def is_cross_site(self) -> bool:
        """Whether the page of another site sent it, as far as the browser tells; a script tells nothing."""
        if site := self.environ.get("HTTP_SEC_FETCH_SITE"):  # browsers alone set it, on https and on localhost
            return site not in ("same-origin", "none")
        origin = self.environ.get("HTTP_ORIGIN")
        own = (f"http://{self.host}".lower(), f"https://{self.host}".lower())
        return origin is not None and origin.lower() not in own

    def query(self, name: str) -> str:
        """A value of the query."""
        return parse_qs(str(self.environ.get("QUERY_STRING", ""))).get(name, [""])[0]

    def form(self) -> dict[str, str]:
        """The fields of a form that was sent; nothing where it is larger than ours."""
        try:
            size = int(self.environ.get("CONTENT_LENGTH") or 0)
        except ValueError:
            return {}
        if size > FORM_BYTES:
            return {}
        text = self.environ["wsgi.input"].read(size).decode("latin-1")
        try:
            fields = parse_qs(text, errors="surrogateescape", max_num_fields=10)
        except ValueError:
            return {}
        return {name: values[0] for name, values in fields.items()}


def own_path(path: str) -> str:
    """The path if it is one of this server, else /."""
    return path if OWN_PATH.fullmatch(path) else "/"


def _name(host: str) -> str:
    """A Host header without its port and brackets."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
