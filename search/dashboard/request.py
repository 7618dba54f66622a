"""What the front reads of a request."""

import re
from unicodedata import category
from urllib.parse import parse_qs, quote, urlsplit

from typing_extensions import override
from werkzeug import wrappers
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.utils import cached_property

from search.dashboard.accounts import is_loopback

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")  # none of optuna-dashboard's routes for these changes anything
MAX_FORM_BYTES = 4096  # a name, a password and a path
OWN_PATH = re.compile(r"/(?![/\\])[!-\[\]-~]*")  # printable ASCII; browsers read //host and /\host as another server


class Request(wrappers.Request):
    """One request. Everything in it may come from anybody."""

    max_content_length = MAX_FORM_BYTES  # of forms alone: the body of any other request is left to the dashboard

    @cached_property
    @override
    def host(self) -> str:
        return self.headers.get("Host", "")  # werkzeug's property is empty for a name with an underscore

    @property
    def is_change(self) -> bool:
        """Whether it may change something."""
        return self.method not in SAFE_METHODS

    @property
    def is_path_clear(self) -> bool:
        """Whether its path is UTF-8 without control characters and line ends, which no two routers read alike."""
        try:
            path = self.environ["PATH_INFO"].encode("latin-1").decode()
        except UnicodeDecodeError:
            return False
        return not any(category(letter) in ("Cc", "Zl", "Zp") for letter in path)

    @property
    def path_and_query(self) -> str:
        """The path and the query that were asked for, percent-encoded."""
        query = self.query_string.decode("latin-1")
        return quote(self.path) + (f"?{query}" if query else "")

    @property
    def next_path(self) -> str:
        """The path of this server that the query's `next` names, otherwise /."""
        query = parse_qs(self.query_string.decode("latin-1"))  # werkzeug's `args` raises on bytes that are no UTF-8
        return own_path(query.get("next", [""])[0])

    @property
    def cookie_name(self) -> str:
        """The name of the session's cookie, with the port, as browsers share cookies between the ports of a host."""
        return f"unet_search_{self.environ['SERVER_PORT']}"

    @property
    def token(self) -> str | None:
        """The session's token."""
        return self.cookies.get(self.cookie_name)

    @property
    def browser_cookie_name(self) -> str:
        """The name of the cookie by which a browser is known after its session."""
        return f"{self.cookie_name}_browser"

    @property
    def browser(self) -> str:
        """The token of a browser that has signed in before; empty where it has none."""
        return self.cookies.get(self.browser_cookie_name, "")

    @property
    def credentials(self) -> tuple[str, str] | None:
        """User and password of HTTP Basic; None where there are none, or none in base64 of UTF-8."""
        try:
            sent = self.authorization
        except ValueError:  # werkzeug handles all wrong base64 but letters outside ASCII
            return None
        if sent is None or sent.type != "basic":
            return None
        return sent.username or "", sent.password or ""

    @property
    def sign_in_form(self) -> MultiDict[str, str]:
        """The fields of a form; none where it is larger than MAX_FORM_BYTES or no UTF-8."""
        try:
            return self.form
        except RequestEntityTooLarge:
            return MultiDict()

    @property
    def is_script(self) -> bool:
        """Whether a program sent it; every browser's user agent begins with Mozilla."""
        return not self.user_agent.string.startswith("Mozilla")

    @property
    def is_https(self) -> bool:
        """Whether a trusted proxy received it by https."""
        return self.scheme == "https"

    @property
    def is_local(self) -> bool:
        """Whether its Host header names this machine. After DNS rebinding the header names the attacker's site."""
        try:
            return is_loopback(urlsplit(f"//{self.host}").hostname or "")
        except ValueError:
            return False

    @property
    def is_cross_site(self) -> bool:
        """Whether another site's page sent it, by the browser's headers; a script sends none of them."""
        if site := self.headers.get("Sec-Fetch-Site"):  # sent by browsers alone, over https and to localhost
            return site not in ("same-origin", "none")
        origin = self.headers.get("Origin")
        own = (f"http://{self.host}".lower(), f"https://{self.host}".lower())
        return origin is not None and origin.lower() not in own


def own_path(path: str) -> str:
    """The path where it is one of this server, otherwise /."""
    return path if OWN_PATH.fullmatch(path) else "/"
