"""A front around optuna-dashboard, which has neither passwords nor roles: the front checks both before each request."""

from collections.abc import Iterable
from http import HTTPStatus
from urllib.parse import quote
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from werkzeug.wrappers import Response

from search.dashboard.accounts import VISITOR, Account, Accounts
from search.dashboard.pages import account_page, login_page, message_page, studies_page
from search.dashboard.reports import ReportCache
from search.dashboard.request import Request, own_path
from search.dashboard.response import add_security_headers, html_page, json_error, redirect
from search.dashboard.sessions import Sessions
from search.dashboard.throttle import PasswordCheck, TooManyTries
from storage.errors import StorageError
from trainer.errors import InputError

PAGES = ("", "dashboard", "report")  # first parts of the paths that people open in a browser


class Front:
    """The front's WSGI application."""

    def __init__(self, dashboard: WSGIApplication, accounts: Accounts, reports: ReportCache) -> None:
        self._dashboard = dashboard
        self._accounts = accounts
        self._reports = reports
        self._password_check = PasswordCheck(accounts)
        self._sessions = Sessions()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answers a request, itself or by the dashboard."""
        request = Request(environ, populate_request=False)
        try:
            application = self._route(request)
        except TooManyTries as error:
            application = _with_retry_after(json_error(HTTPStatus.TOO_MANY_REQUESTS, str(error)), error)
        environ.pop("HTTP_X_FORWARDED_HOST", None)  # optuna-dashboard would redirect the browser to that host
        return application(environ, add_security_headers(start_response, request.path))

    def _route(self, request: Request) -> WSGIApplication:
        """What answers the request: the dashboard, or a response of the front's own. Raises TooManyTries."""
        if not self._accounts and not request.is_local:
            return json_error(HTTPStatus.FORBIDDEN, "without a password only this machine's own names are answered")
        if request.is_change and request.is_cross_site:
            return json_error(HTTPStatus.FORBIDDEN, "a page of another site must not change anything here")
        account = self._authenticate(request)
        path = request.path.rstrip("/")
        if self._accounts and path in ("/login", "/logout"):
            return self._sign_in_or_out(request, account, path)
        if account is None:
            return _ask_to_sign_in(request)
        if request.is_change and not account.may_change:
            return json_error(HTTPStatus.FORBIDDEN, f"{account.user} may only look: this was not changed")
        if path == "":
            return redirect("/dashboard")
        if path == "/report" or path.startswith("/report/"):
            return self._show_report(request, path.removeprefix("/report").removeprefix("/"))
        return self._dashboard

    def _authenticate(self, request: Request) -> Account | None:
        """The account that sent the request, by its session or by HTTP Basic. Raises TooManyTries."""
        if not self._accounts:
            return VISITOR
        account = self._sessions.find(request.token)
        if account is None and request.credentials is not None:
            account = self._password_check.find_account(*request.credentials, request.remote_addr or "")
        return account

    def _sign_in_or_out(self, request: Request, account: Account | None, path: str) -> Response:
        if request.method == "POST" and path == "/logout":
            self._sessions.end(request.token)
            return _redirect_with_token(request, "/login", "", max_age_s=0)
        if request.method == "POST":
            return self._sign_in(request)
        if account is not None:
            return html_page(account_page(request.host, account))
        return html_page(login_page(request.host, request.next_path))

    def _sign_in(self, request: Request) -> Response:
        form = request.sign_in_form
        after = own_path(form.get("next", ""))
        user, password = form.get("user", ""), form.get("password", "")
        try:
            account = self._password_check.find_account(user, password, request.remote_addr or "")
        except TooManyTries as error:
            html = login_page(request.host, after, f"Too many wrong passwords: wait {error.seconds} seconds.")
            return _with_retry_after(html_page(html, HTTPStatus.TOO_MANY_REQUESTS), error)
        if account is None:
            return html_page(login_page(request.host, after, "Wrong user or password."), HTTPStatus.UNAUTHORIZED)
        self._sessions.end(request.token)
        return _redirect_with_token(request, after, self._sessions.begin(account))

    def _show_report(self, request: Request, study: str) -> Response:
        """The report of a study; without a name, a redirect to the only study's, or a list."""
        try:
            if study:
                return html_page(self._reports.page(study))
            links = {name: f"/report/{quote(name, safe='')}" for name in self._reports.list_names()}
        except (InputError, StorageError) as error:
            missing = isinstance(error, InputError)
            status = HTTPStatus.NOT_FOUND if missing else HTTPStatus.SERVICE_UNAVAILABLE
            return html_page(message_page(request.host, "No report", str(error)), status)
        if len(links) == 1:
            return redirect(next(iter(links.values())))
        return html_page(studies_page(request.host, links))


def _ask_to_sign_in(request: Request) -> Response:
    """Redirects a person's browser to the form; everything else gets status 401."""
    if not request.is_change and request.path.split("/")[1] in PAGES:
        return redirect(f"/login?next={quote(request.path_and_query, safe='')}")
    response = json_error(HTTPStatus.UNAUTHORIZED, "sign in at /login, or by HTTP Basic")
    if request.is_script:  # a browser would ask for the password in a window of its own
        response.headers["WWW-Authenticate"] = 'Basic realm="unet-search", charset="UTF-8"'
    return response


def _redirect_with_token(request: Request, path: str, token: str, max_age_s: int | None = None) -> Response:
    """Stores the session's token in a cookie for this server alone, which no script can read."""
    response = redirect(path)
    response.set_cookie(
        request.cookie_name, token, max_age_s, secure=request.is_https, httponly=True, samesite="Strict"
    )
    return response


def _with_retry_after(response: Response, error: TooManyTries) -> Response:
    """The response with the header that says when to try again."""
    response.headers["Retry-After"] = str(error.seconds)
    return response
