"""The dashboard's command, used by scripts and by people with a real browser."""

import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.dashboard.browsing import PICTURES, browser, search, served

ADMIN, VIEWER = ("admin", "right"), ("viewer", "look")
STUDY = "/api/studies/1"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished search."""
    place = tmp_path_factory.mktemp("browsed")
    search(place)
    return place


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    with served(folder, DASHBOARD_PASSWORD=ADMIN[1], DASHBOARD_VIEWER_PASSWORD=VIEWER[1]) as address:
        yield address


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as started:
        yield started


@pytest.fixture
def tab(chromium: Any) -> Iterator[Any]:
    """A page of a browser without cookies; the test fails where a content policy blocked anything."""
    with chromium.new_context(viewport={"width": 1280, "height": 900}) as context:
        page = context.new_page()
        blocked: list[str] = []
        page.on("console", lambda message: blocked.append(message.text) if "Content" in message.text else None)
        yield page
        assert not blocked


def ask(url: str, path: str, method: str = "GET", account: tuple[str, str] | None = None, **headers: str) -> int:
    """The status of the response after redirects; 0 where it is the form to sign in."""
    if account is not None:
        headers["Authorization"] = "Basic " + b64encode(":".join(account).encode()).decode()
    request = urllib.request.Request(url + path, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return 0 if "/login" in answer.url else int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def sign_in(tab: Any, url: str, user: str, password: str) -> None:
    tab.goto(url)
    tab.fill("[name=user]", user)
    tab.fill("[name=password]", password)
    tab.click("text=Sign in >> nth=-1")


def test_without_a_password_nothing_is_shown(url: str) -> None:
    pages = ["/", "/dashboard", "/dashboard/studies/1", "/report", "/report/tiny", "/login"]
    others = [f"{STUDY}?after=0", "/api/meta", "/api/studies", "/static/bundle.js", "/csv/1", "/artifacts/1/1/ab"]
    assert [ask(url, page) for page in pages] == [0] * len(pages)
    assert [ask(url, other) for other in [*others, "/favicon.ico", "/incompatible-rdb-schema"]] == [401] * 8
    assert ask(url, STUDY, "DELETE") == 401


def test_scripts_use_http_basic(url: str) -> None:
    assert ask(url, "/api/studies", account=VIEWER) == ask(url, "/csv/1", account=ADMIN) == 200
    assert ask(url, "/api/studies", account=("admin", "look")) == 401


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", [STUDY, "/api/studies", f"{STUDY}/note", f"{STUDY}/rename", "/api/trials/1/tell"])
def test_a_viewer_changes_nothing_by_the_api(url: str, path: str, method: str) -> None:
    assert ask(url, path, method, VIEWER) == 403
    assert ask(url, STUDY + "?after=0", account=VIEWER) == 200


def test_another_site_changes_nothing(url: str) -> None:
    assert ask(url, STUDY, "DELETE", ADMIN, Origin="http://evil.example") == 403
    assert ask(url, "/login", "POST", Origin="http://evil.example") == 403


def test_a_person_signs_in_looks_and_signs_out(url: str, tab: Any) -> None:
    sign_in(tab, url, *ADMIN)
    tab.wait_for_url("**/dashboard")
    tab.click("text=1. tiny")
    tab.wait_for_selector(".js-plotly-plot .point")
    tab.goto(f"{url}/dashboard/studies/1/trials?numbers=0")
    for name in PICTURES:
        tab.wait_for_selector(f"text={name}")
    tab.wait_for_function("document.images.length == 3 && [...document.images].every(image => image.naturalWidth > 0)")
    tab.goto(tab.evaluate("document.images[0].src"))  # a picture by itself, under the policy of all files
    assert tab.evaluate("document.images[0].naturalWidth") > 0
    tab.goto(f"{url}/report")
    assert tab.url == f"{url}/report/tiny" and "tiny" in tab.inner_text("h1")
    tab.goto(f"{url}/login")
    tab.click("text=Sign out")
    tab.wait_for_selector("[name=password]")
    tab.goto(f"{url}/dashboard/studies/1")
    assert tab.url.startswith(f"{url}/login?next=")


def test_a_wrong_password_is_refused(url: str, tab: Any) -> None:
    sign_in(tab, url, "admin", "wrong")
    assert tab.inner_text("[role=alert]") == "Wrong user or password."
    tab.goto(f"{url}/dashboard")
    assert "/login" in tab.url


def test_a_viewers_delete_is_refused_on_the_page(url: str, tab: Any) -> None:
    sign_in(tab, url, *VIEWER)
    tab.click("[aria-label='delete study']")
    with tab.expect_response(lambda answer: answer.request.method == "DELETE") as refused:
        tab.click("text=YES")
    assert refused.value.status == 403
    tab.reload()
    tab.wait_for_selector("text=1. tiny")


def test_a_page_of_another_site_signs_nobody_out(url: str, tab: Any) -> None:
    sign_in(tab, url, *ADMIN)
    tab.wait_for_url("**/dashboard")
    form = f"<form method=post action={url}/logout></form><script>document.forms[0].submit()</script>"
    tab.route("http://evil.example/", lambda route: route.fulfill(content_type="text/html", body=form))
    with tab.expect_response("**/logout") as refused:
        tab.goto("http://evil.example/")
    assert refused.value.status == 403
    assert tab.request.get(f"{url}/api/studies").status == 200


@pytest.mark.parametrize("name", ["evil.html", "evil.svg", "evil.png"])
def test_an_uploaded_page_is_a_download_and_runs_nothing(url: str, tab: Any, name: str) -> None:
    sign_in(tab, url, *ADMIN)
    tab.wait_for_url("**/dashboard")
    page = b"<title>quiet</title><script>document.title = 'ran'</script>"
    data = {"file": f"data:text/html;base64,{b64encode(page).decode()}", "filename": name}
    uploaded = tab.request.post(f"{url}/api/artifacts/1", data=data, headers={"Origin": url}).json()
    with tab.expect_download() as saved:
        tab.evaluate("path => { location.href = path }", f"/artifacts/1/{uploaded['artifact_id']}")
    assert saved.value.path().read_bytes() == page
    assert tab.title() != "ran"


def test_without_a_password_this_machine_may_only_look(folder: Path) -> None:
    with served(folder) as url:
        assert ask(url, STUDY + "?after=0") == 200
        assert ask(url, STUDY, "DELETE") == 403
        assert ask(url, "/api/studies", Host="evil.example") == 403


def test_a_study_keeps_its_name(url: str) -> None:
    """Optuna's copy under another name would have no question and no budget."""
    assert ask(url, f"{STUDY}/rename", "POST", ADMIN) == 409
    assert ask(url, STUDY, "GET", ADMIN) == 200


def test_an_admin_deletes_a_study_with_all_its_files_though_one_is_missing(folder: Path) -> None:
    artifacts = folder / "unet-search" / "artifacts"
    next(path for path in artifacts.iterdir() if path.is_file()).unlink()
    assert len(list((artifacts / "weights" / "tiny").iterdir())) == 3
    with served(folder, DASHBOARD_PASSWORD=ADMIN[1]) as url:
        assert ask(url, STUDY, "DELETE", ADMIN) == 204
        assert ask(url, STUDY, "GET", ADMIN) == 404
    assert not [path for path in artifacts.rglob("*") if path.is_file()]
