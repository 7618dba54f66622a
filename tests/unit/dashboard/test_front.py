"""The front: who may see the dashboard, who may change it, and the headers of every response."""

from base64 import b64encode
from urllib.parse import quote, urlencode

import pytest

from search.dashboard.request import MAX_FORM_BYTES
from search.dashboard.throttle import BURST
from tests.unit.dashboard.wsgi_client import ADMIN, HOST, POLICY, VIEWER, Site, guarded_site

CHANGES = ["POST", "PUT", "DELETE", "PATCH", "PROPFIND", "post"]  # all methods but those known to be safe
ROUTES = ["/api/meta", "/static/bundle.js", "/csv/1", "/artifacts/1/2/ab", "/favicon.ico", "/dashboard\\", "*"]
NO_PATHS = [
    "/api/studies/1\n",
    "/\n",
    "/login\r",
    "/api/studies/1\x00",
    "/static/\x7f",
    "/report/\x1b[2J",
    "/\xff",
    "/a\xc3",
]
NO_PATHS += [f"/report/{letter}".encode().decode("latin-1") for letter in "\x85\x9b\u2028\u2029"]


@pytest.mark.parametrize("path", ROUTES)
def test_nothing_is_served_without_a_password(path: str) -> None:
    site = guarded_site()
    assert site.ask(path).status == 401
    assert site.ask(path, account=("admin", "wrong")).status == 401
    assert site.ask(path, cookie="unet_search_8080=guessed").status == 401
    assert not site.reached


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize("path", NO_PATHS, ids=ascii)
def test_a_path_that_routers_read_in_two_ways_is_refused(path: str, method: str) -> None:
    site = guarded_site()
    for account in (None, ADMIN, VIEWER):
        response = site.ask(path, method, account=account)
        assert response.status == 400 and response.body.count("\n") == 1
    assert not site.reached


def test_a_path_may_have_any_other_letter() -> None:
    site = guarded_site("Bücher")
    assert site.ask("/report/Bücher".encode().decode("latin-1"), account=VIEWER).body == "report of Bücher"
    assert site.ask("/dashboard/\\;//..", account=VIEWER).status == 200


@pytest.mark.parametrize("path", ["/", "/dashboard", "/dashboard/studies/1?tab=a", "/report", "/report/mars"])
def test_a_page_leads_to_the_form_and_back(path: str) -> None:
    site = guarded_site("mars", "moon")
    asked = site.ask(path)
    assert asked.status == 303 and asked.headers["location"].startswith("/login?next=%2F")
    form = site.ask(asked.headers["location"])
    assert form.status == 200 and f'value="{path}"' in form.body
    signed = site.sign_in(*ADMIN, after=path)
    assert signed.status == 303 and signed.headers["location"] == path
    assert site.ask(path, cookie=signed.cookie).status in (200, 303)


@pytest.mark.parametrize(
    "path",
    ["//evil.example", "/\\evil.example", "https://evil.example/", "javascript:1", "/a\r\nSet-Cookie: a=b", "/é"],
)
def test_the_form_leads_to_no_other_server(path: str) -> None:
    site = guarded_site()
    assert site.sign_in(*ADMIN, after=path).headers["location"] == "/"
    for query in (path, quote(path)):
        assert 'name="next" value="/"' in site.ask(f"/login?next={query}").body


def test_the_cookie_is_for_this_server_alone() -> None:
    site = guarded_site()
    sent = site.sign_in(*ADMIN).headers["set-cookie"]
    name, *flags = sent.split("; ")
    assert name.startswith("unet_search_8080=") and sorted(flags) == ["HttpOnly", "Path=/", "SameSite=Strict"]
    browser = site.sign_in(*ADMIN).headers.getlist("Set-Cookie")[1]
    name, *flags = browser.split("; ")
    assert name.startswith("unet_search_8080_browser=")
    assert {"HttpOnly", "Path=/", "SameSite=Strict", "Max-Age=7776000"} < set(flags)


def test_a_large_form_is_not_read() -> None:
    form = {"user": ADMIN[0], "password": ADMIN[1], "padding": ""}
    room = MAX_FORM_BYTES - len(urlencode(form))
    assert guarded_site().ask("/login", "POST", form={**form, "padding": room * "x"}).status == 303
    assert guarded_site().ask("/login", "POST", form={**form, "padding": (room + 1) * "x"}).status == 401


def test_signing_out_ends_the_session() -> None:
    site = guarded_site()
    cookie = site.sign_in(*ADMIN).cookie
    assert site.ask("/api/meta", cookie=f"other=\xff; {cookie}").status == 200
    assert "Sign out" in site.ask("/login", cookie=cookie).body
    assert site.ask("/logout", cookie=cookie).status == 200  # a link signs nobody out
    assert site.ask("/api/meta", cookie=cookie).status == 200
    out = site.ask("/logout", "POST", cookie=cookie)
    assert out.status == 303 and "; Max-Age=0; " in out.headers["set-cookie"] and out.cookie == "unet_search_8080="
    assert site.ask("/api/meta", cookie=cookie).status == 401


def test_signing_in_again_ends_the_first_session() -> None:
    site = guarded_site()
    first = site.sign_in(*VIEWER).cookie
    second = site.sign_in(*ADMIN, cookie=first).cookie
    assert site.ask("/api/meta", cookie=first).status == 401
    assert site.ask("/api/meta", cookie=second).status == 200


@pytest.mark.parametrize("method", CHANGES)
def test_a_viewer_changes_nothing(method: str) -> None:
    site = guarded_site()
    response = site.ask("/api/studies/1", method, account=VIEWER)
    assert (response.status, site.reached) == (403, [])
    assert response.body == '{"reason": "viewer may only look: this was not changed"}\n'
    assert site.ask("/api/studies/1", method, cookie=site.sign_in(*VIEWER).cookie).status == 403
    assert site.ask("/api/studies/1", method, account=ADMIN).status == 200
    assert site.ask("/api/studies/1", account=VIEWER).status == 200


@pytest.mark.parametrize(
    "headers", [{"SEC_FETCH_SITE": "cross-site"}, {"SEC_FETCH_SITE": "same-site"}, {"ORIGIN": "null"}]
)
@pytest.mark.parametrize("path", ["/api/studies/1", "/login", "/logout"])
def test_another_site_changes_nothing(path: str, headers: dict[str, str]) -> None:
    site = guarded_site()
    form = {"user": ADMIN[0], "password": ADMIN[1]}
    origins = ("http://evil.example", f"http://evil.example/{HOST}", f"http://{HOST}.evil.example")
    for sent in (headers, *({"ORIGIN": origin} for origin in origins)):
        assert site.ask(path, "POST", form=form, account=ADMIN, **sent).status == 403
    assert not site.reached
    assert site.ask("/api/studies/1", "POST", account=ADMIN, ORIGIN=f"http://{HOST}").status == 200
    assert site.ask("/api/studies/1", "POST", account=ADMIN, SEC_FETCH_SITE="same-origin").status == 200


@pytest.mark.parametrize("host", ["my_host:8080", "EXAMPLE.org", "[::1]:8080"])
def test_forms_work_under_any_name(host: str) -> None:
    assert guarded_site().sign_in(*ADMIN, HOST=host, ORIGIN=f"http://{host}").status == 303


def test_only_scripts_are_asked_for_basic() -> None:
    site = guarded_site()
    assert site.ask("/api/meta", USER_AGENT="curl/8").headers["www-authenticate"].startswith("Basic ")
    assert "www-authenticate" not in site.ask("/api/meta", USER_AGENT="Mozilla/5.0 (X11)").headers
    for unreadable in ("Basic \xff%", "Basic ====", "Basic", "Bearer right", "Digest username=admin, password=right"):
        assert site.ask("/api/meta", AUTHORIZATION=unreadable).status == 401


def test_a_name_and_password_may_hold_anything() -> None:
    account = ("Jürgen", "grün: &=%+ü")
    site = Site(DASHBOARD_USER=account[0], DASHBOARD_PASSWORD=account[1])
    assert site.ask("/api/meta", account=account).status == 200
    assert site.sign_in(*account).status == 303
    assert site.sign_in(account[0], account[1].encode().decode("latin-1")).status == 401


def test_what_is_no_utf8_is_a_wrong_password() -> None:
    site = Site(DASHBOARD_PASSWORD="grün")
    basic = b64encode(b"admin:gr\xfcn").decode()
    assert site.ask("/api/meta", AUTHORIZATION=f"Basic {basic}").status == 401
    for password in (b"gr\xfcn", b"gr%FCn"):
        assert site.ask("/login", "POST", form=b"user=admin&password=" + password).status == 401
    assert site.ask("/login", "POST", form=b"user=admin&password=gr%C3%BCn").status == 303


def test_every_response_has_the_security_headers() -> None:
    site = guarded_site()
    artifact = site.ask("/artifacts/1/2/ab", account=VIEWER).headers
    assert "sandbox" in artifact["content-security-policy"] and "access-control-allow-origin" not in artifact
    assert site.ask("/dashboard", account=VIEWER).headers["content-security-policy"] == POLICY
    assert site.ask("/static/bundle.js", account=VIEWER).headers["cache-control"] == "private, no-cache"
    for headers in (artifact, *(site.ask(path).headers for path in ("/dashboard", "/login", "/api/meta"))):
        assert headers["x-frame-options"] == "DENY" and headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store" and headers["referrer-policy"] == "same-origin"
        assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "form-action 'self'; frame-ancestors 'none'" in site.ask("/login").headers["content-security-policy"]


def test_a_head_has_no_body() -> None:
    site = guarded_site("mars")
    assert [site.ask(path, "HEAD").body for path in ("/login", "/dashboard", "/api/meta")] == ["", "", ""]
    assert site.ask("/report/mars", "HEAD", account=VIEWER).body == ""


def test_the_dashboard_learns_of_no_other_host() -> None:
    site = guarded_site()
    assert site.ask("/", account=ADMIN, X_FORWARDED_HOST="evil.example").headers["location"] == "/dashboard"
    site.ask("/dashboard", account=ADMIN, X_FORWARDED_HOST="evil.example")
    assert site.reached[0]["HTTP_HOST"] == HOST and "HTTP_X_FORWARDED_HOST" not in site.reached[0]


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "127.9.9.9", "localhost:1", "LOCALHOST", "[::1]:8080"])
def test_without_a_password_this_machine_may_look(host: str) -> None:
    site = Site()
    assert site.ask("/dashboard", HOST=host).status == 200
    assert site.ask("/api/studies/1", "DELETE", HOST=host).status == 403
    assert len(site.reached) == 1


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example:8080", "localhost@evil.example", "", "[", "10.0.0.1"]
)
def test_without_a_password_no_other_name_is_answered(host: str) -> None:
    site = Site()
    assert site.ask("/dashboard", HOST=host).status == 403
    assert not site.reached


def test_wrong_passwords_are_slowed_down_and_logged_without_them(capsys: pytest.CaptureFixture[str]) -> None:
    site = guarded_site()
    for user in ("admin", "hunter2"):
        for _ in range(5):
            assert site.sign_in(user, "secret-guess").status == 401
    refused = site.sign_in(*ADMIN)
    assert refused.status == 429 and 0 < int(refused.headers["retry-after"]) <= 3 and "wait 3 seconds" in refused.body
    assert site.ask("/api/meta", account=ADMIN).status == 429
    assert site.sign_in(*ADMIN, address="192.0.2.8").status == 303
    logged = capsys.readouterr().err
    assert logged.count("dashboard: wrong password for admin from 192.0.2.7\n") == 5
    assert "secret-guess" not in logged and "hunter2" not in logged and len(logged.splitlines()) == 11


def test_a_browser_signs_in_though_its_network_attacks() -> None:
    site = guarded_site()
    signed = site.sign_in(*ADMIN).headers.getlist("Set-Cookie")[1].partition(";")[0]
    while site.sign_in("admin", "wrong").status != 429:
        pass
    assert site.sign_in(*ADMIN).status == 429
    assert site.sign_in(*ADMIN, cookie=signed).status == 303
    assert site.sign_in(*VIEWER, cookie=signed).status == 429


@pytest.mark.parametrize(
    ("sent", "served"),
    [
        ("image/png", "image/png"),
        ("image/webp", "image/webp"),
        ("image/svg+xml", ""),
        ("text/html; charset=UTF-8", ""),
        ("TEXT/HTML", ""),
        ("application/xhtml+xml", ""),
        ("text/xml", ""),
        ("application/pdf", ""),
        ("text/javascript", ""),
        ("image/png, text/html", ""),
        (None, ""),
    ],
)
@pytest.mark.parametrize("path", ["/artifacts/1/2/ab", "/artifacts/1/ab", "/artifacts/1/ab/"])
def test_an_artifact_is_a_picture_or_a_download(path: str, sent: str | None, served: str) -> None:
    site = guarded_site()
    site.answer = ("200 OK", [("Content-Type", sent)] if sent else [])
    headers = site.ask(path, account=VIEWER).headers
    assert headers.getlist("Content-Type") == [served or "application/octet-stream"]
    assert headers.get("Content-Disposition") == (None if served else "attachment")
    assert headers["X-Content-Type-Options"] == "nosniff" and "sandbox" in headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("account", "may"), [(None, False), (VIEWER, False), (("admin", "wrong"), False), (ADMIN, True)], ids=str
)
def test_only_who_may_change_studies_may_upload(account: tuple[str, str] | None, may: bool) -> None:
    site = guarded_site()
    assert site.front.may_upload(site.make_environ("/api/artifacts/1", "POST", account=account)) == may
    if account and site.sign_in(*account).status == 303:
        cookie = site.sign_in(*account).cookie
        assert site.front.may_upload(site.make_environ("/api/artifacts/1", "POST", cookie=cookie)) == may


def test_uploads_count_as_tries() -> None:
    site = guarded_site()
    for _ in range(BURST):
        assert not site.front.may_upload(site.make_environ("/api/artifacts/1", "POST", account=("admin", "wrong")))
    assert not site.front.may_upload(site.make_environ("/api/artifacts/1", "POST", account=ADMIN))


def test_without_a_password_nobody_may_upload() -> None:
    site = Site()
    assert not site.front.may_upload(site.make_environ("/api/artifacts/1", "POST", account=ADMIN))


def test_right_passwords_are_never_slowed_down() -> None:
    site = guarded_site()
    assert {site.ask("/api/meta", account=VIEWER).status for _ in range(2 * BURST)} == {200}
