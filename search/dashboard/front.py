"""A front around optuna-dashboard, which has neither passwords nor roles: the front checks both before each request."""

from collections.abc import Iterable
from http import HTTPStatus
from urllib.parse import quote
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from werkzeug.wrappers import Response

from search.dashboard.accounts import VISITOR, Account, Accounts
from search.dashboard.addresses import Proxies
from search.dashboard.log import log
from search.dashboard.pages import account_page, login_page, message_page, studies_page
from search.dashboard.reports import ReportBusy, ReportCache
from search.dashboard.request import Request, own_path
from search.dashboard.response import add_security_headers, html_page, json_error, log_outcome, redirect
from search.dashboard.sessions import Sessions
from search.dashboard.throttle import PasswordCheck, TooManyTries
from storage.errors import StorageError
from trainer.errors import InputError

PAGES = ("", "dashboard", "report")  # first parts of the paths that people open in a browser
BROWSER_S = 90 * 24 * 3600  # how long a browser is known to have signed in
RETRY_S = 5  # when to ask again for a report


class Front:
    """The front's WSGI application."""

    def __init__(
        self, dashboard: WSGIApplication, accounts: Accounts, reports: ReportCache, proxies: Proxies | None = None
    ) -> None:
        self._dashboard = dashboard
        self._accounts = accounts
        self._reports = reports
        self._proxies = proxies or Proxies()
        self._password_check = PasswordCheck(accounts)
        self._sessions = Sessions()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answers a request, itself or by the dashboard."""
        self._proxies.read_headers(environ)
        request = Request(environ, populate_request=False)
        try:
            application = self._route(request)
        except TooManyTries as error:
            application = _with_retry_after(json_error(HTTPStatus.TOO_MANY_REQUESTS, str(error)), error.seconds)
        return application(environ, add_security_headers(start_response, request.path))

    def may_upload(self, environ: WSGIEnvironment) -> bool:
        """Whether a request, whose body is still to come, is one of an account that may change studies."""
        self._proxies.read_headers(environ)
        try:
            account = self._authenticate(Request(environ, populate_request=False))
        except TooManyTries:
            return False
        return account is not None and account.may_change

    def _route(self, request: Request) -> WSGIApplication:
        """What answers the request: the dashboard, or a response of the front's own. Raises TooManyTries."""
        if not request.is_path_clear:
            return json_error(HTTPStatus.BAD_REQUEST, "a path must be UTF-8 without control characters")
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
        if request.is_change:
            change = f"{account.user} at {request.remote_addr} asks {request.method} {quote(path)}"
            return log_outcome(self._dashboard, change)
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
            if account is not None:
                log(f"{account.user} signs out from {request.remote_addr}")
            response = redirect("/login")
            _set_cookie(request, response, request.cookie_name, "", max_age_s=0)
            return response
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
            account = self._password_check.find_account(user, password, request.remote_addr or "", request.browser)
        except TooManyTries as error:
            html = login_page(request.host, after, f"Too many wrong passwords: wait {error.seconds} seconds.")
            return _with_retry_after(html_page(html, HTTPStatus.TOO_MANY_REQUESTS), error.seconds)
        if account is None:
            return html_page(login_page(request.host, after, "Wrong user or password."), HTTPStatus.UNAUTHORIZED)
        self._sessions.end(request.token)
        response = redirect(after)
        _set_cookie(request, response, request.cookie_name, self._sessions.begin(account))
        browser = self._password_check.remember_browser(user, request.browser)
        _set_cookie(request, response, request.browser_cookie_name, browser, BROWSER_S)
        return response

    def _show_report(self, request: Request, study: str) -> Response:
        """The report of a study; without a name, a redirect to the only study's, or a list."""
        try:
            if study:
                return html_page(self._reports.page(study))
            links = {name: f"/report/{quote(name, safe='')}" for name in self._reports.list_names()}
        except InputError as error:
            return html_page(message_page(request.host, "No report", str(error)), HTTPStatus.NOT_FOUND)
        except (ReportBusy, StorageError) as error:
            log(str(error))
            html = message_page(request.host, "No report", str(error))
            return _with_retry_after(html_page(html, HTTPStatus.SERVICE_UNAVAILABLE), RETRY_S)
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


def _set_cookie(request: Request, response: Response, name: str, value: str, max_age_s: int | None = None) -> None:
    """Stores a token in a cookie for this server alone, which no script can read."""
    response.set_cookie(name, value, max_age_s, secure=request.is_https, httponly=True, samesite="Strict")


def _with_retry_after(response: Response, seconds: int) -> Response:
    """The response with the header that says when to try again."""
    response.headers["Retry-After"] = str(seconds)
    return response
