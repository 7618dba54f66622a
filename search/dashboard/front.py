"""A front around optuna-dashboard, which knows neither passwords nor roles: nothing of it is served without either."""

from collections.abc import Iterable
from http import HTTPStatus
from urllib.parse import quote
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from search.dashboard.accounts import VISITOR, Account, Accounts
from search.dashboard.pages import account_page, login_page, message_page, studies_page
from search.dashboard.reports import Reports
from search.dashboard.request import Request, own_path
from search.dashboard.response import Answer, guarded, page, reason, redirect
from search.dashboard.sessions import Sessions
from search.dashboard.throttle import Gate, TooSoon
from storage.errors import StorageError
from trainer.errors import InputError

PAGES = ("dashboard", "report")  # first parts of paths that are pages of a person's browser


class Front:
    """The WSGI application."""

    def __init__(self, dashboard: WSGIApplication, accounts: Accounts, reports: Reports) -> None:
        self._dashboard = dashboard
        self._accounts = accounts
        self._reports = reports
        self._gate = Gate(accounts)
        self._sessions = Sessions()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        start = guarded(start_response, request.path)
        try:
            answer = self._answer(request)
        except TooSoon as early:
            answer = reason(HTTPStatus.TOO_MANY_REQUESTS, str(early), early.header)
        if answer is not None:
            return answer.send(start, with_body=request.method != "HEAD")
        environ.pop("HTTP_X_FORWARDED_HOST", None)  # optuna-dashboard would send the browser there
        return self._dashboard(environ, start)

    def _answer(self, request: Request) -> Answer | None:
        """The front's own answer; None: it is for the dashboard to give. Raises TooSoon."""
        if not self._accounts and not request.is_local:
            return reason(HTTPStatus.FORBIDDEN, "without a password only this machine's own names are answered")
        if request.changes and request.is_cross_site:
            return reason(HTTPStatus.FORBIDDEN, "a page of another site must not change anything here")
        account = self._account(request)
        path = request.path.rstrip("/")
        if self._accounts and path in ("/login", "/logout"):
            return self._sign(request, account, path)
        if account is None:
            return _unknown(request)
        if request.changes and not account.may_change:
            return reason(HTTPStatus.FORBIDDEN, f"{account.user} may only look: this was not changed")
        if path == "":
            return redirect("/dashboard")
        if path == "/report" or path.startswith("/report/"):
            try:
                return self._report(request, path.encode("latin-1").decode("utf-8", "replace")[len("/report/") :])
            except (InputError, StorageError) as error:
                missing = isinstance(error, InputError)
                status = HTTPStatus.NOT_FOUND if missing else HTTPStatus.SERVICE_UNAVAILABLE
                return page(message_page(request.host, "No report", str(error)), status)
        return None

    def _account(self, request: Request) -> Account | None:
        """Who asks, by the session or by HTTP Basic."""
        if not self._accounts:
            return VISITOR
        account = self._sessions.find(request.token)
        if account is None and request.basic is not None:
            account = self._gate.check(*request.basic, request.address)
        return account

    def _sign(self, request: Request, account: Account | None, path: str) -> Answer:
        """Signs in and out."""
        if request.method == "POST" and path == "/logout":
            self._sessions.end(request.token)
            return redirect("/login", _cookie(request, "", max_age=0))
        if request.method == "POST":
            return self._sign_in(request)
        if account is not None:
            return page(account_page(request.host, account))
        return page(login_page(request.host, own_path(request.query("next"))))

    def _sign_in(self, request: Request) -> Answer:
        form = request.form()
        after = own_path(form.get("next", "/"))
        try:
            account = self._gate.check(form.get("user", ""), form.get("password", ""), request.address)
        except TooSoon as early:
            again = login_page(request.host, after, f"Too many wrong passwords: wait {early.seconds} seconds.")
            return page(again, HTTPStatus.TOO_MANY_REQUESTS, early.header)
        if account is None:
            return page(login_page(request.host, after, "Wrong user or password."), HTTPStatus.UNAUTHORIZED)
        self._sessions.end(request.token)
        return redirect(after, _cookie(request, self._sessions.begin(account)))

    def _report(self, request: Request, study: str) -> Answer:
        """The report of a study; of none in particular, the way to the only one, or a list."""
        if study:
            return page(self._reports.page(study))
        links = {name: f"/report/{quote(name, safe='')}" for name in self._reports.names()}
        if len(links) == 1:
            return redirect(next(iter(links.values())))
        return page(studies_page(request.host, links))


def _unknown(request: Request) -> Answer:
    """Nobody has signed in: a person's browser gets the form, everything else 401."""
    if not request.changes and request.path.strip("/").partition("/")[0] in ("", *PAGES):
        return redirect(f"/login?next={quote(request.url, safe='')}")
    challenge = (("WWW-Authenticate", 'Basic realm="unet-search", charset="UTF-8"'),)  # a browser would ask by itself
    return reason(
        HTTPStatus.UNAUTHORIZED, "sign in at /login, or by HTTP Basic", *(challenge if request.is_script else ())
    )


def _cookie(request: Request, token: str, max_age: int | None = None) -> tuple[str, str]:
    """The session's cookie: for this server alone, for no script, and for https alone where it came by that."""
    ends = "" if max_age is None else f"; Max-Age={max_age}"
    secure = "; Secure" if request.is_https else ""
    return "Set-Cookie", f"{request.cookie}={token}; Path=/; HttpOnly; SameSite=Strict{ends}{secure}"
