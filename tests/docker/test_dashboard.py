"""The dashboard of the stack: who may see it, and which ports listen on the host."""

import base64
import urllib.request
from urllib.error import HTTPError

import psutil
import pytest

from tests.docker.stack import PASSWORD, Stack, wait_for

pytestmark = pytest.mark.docker
ADMIN = PASSWORD[::-1]


@pytest.fixture
def port(stack: Stack) -> int:
    """The port of a dashboard with a finished study."""
    stack.settings |= {"DASHBOARD_PASSWORD": ADMIN, "DASHBOARD_VIEWER_PASSWORD": "look"}
    before = listening()
    stack.compose("up", "workers")
    stack.compose("up", "-d")
    port = int(stack.settings["DASHBOARD_PORT"])
    wait_for(lambda: is_up(port), "a dashboard")
    assert listening() - before == {("127.0.0.1", port)}
    return port


def test_it_shows_the_study_to_accounts_alone(stack: Stack, port: int) -> None:
    for path in ("/api/studies", "/api/meta", "/csv/1", "/artifacts/1/1/abc"):
        assert ask(port, path)[0] == 401
        assert ask(port, path, "admin", "look")[0] == 401
        assert ask(port, path, "admin", PASSWORD)[0] == 401  # the database's
    assert ask(port, "/api/studies", "admin", ADMIN)[0] == 200
    status, page = ask(port, "/report/mars", "viewer", "look")
    assert status == 200 and "mean IoU" in page
    assert ask(port, "/api/studies/1", "viewer", "look", "DELETE")[0] == 403
    assert stack.sql("select study_name from studies") == [["mars"]]
    assert ask(port, "/api/studies/1", "admin", ADMIN, "DELETE")[0] == 204
    log = stack.compose("logs", "dashboard").stdout
    assert "admin signs in from" in log and "wrong password for admin" in log
    assert "asks DELETE /api/studies/1: 204" in log
    assert ADMIN not in log


def test_without_a_password_the_dashboard_alone_stops_in_one_line(stack: Stack) -> None:
    assert stack.compose("up", "-d").returncode == 0
    wait_for(stack.workers_ended, "an end of the search")
    assert stack.status()["trials"]["complete"] == 3
    (dashboard,) = stack.containers("dashboard")
    assert (dashboard["State"], dashboard["ExitCode"]) == ("exited", 2)
    (line,) = stack.compose("logs", "--no-log-prefix", "dashboard").stdout.splitlines()
    assert "set DASHBOARD_PASSWORD" in line


def listening() -> set[tuple[str, int]]:
    """Addresses and ports of this host on which the engine listens for containers; other tests have servers too."""
    proxies = {process.pid for process in psutil.process_iter(["name"]) if process.info["name"].startswith("docker")}
    return {
        tuple(found.laddr)
        for found in psutil.net_connections("tcp")
        if found.status == psutil.CONN_LISTEN and found.pid in proxies
    }


def ask(port: int, path: str, user: str = "", password: str = "", method: str = "GET") -> tuple[int, str]:
    """Status and text of the response."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method)
    if user:
        request.add_header("Authorization", f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


def is_up(port: int) -> bool:
    try:
        return ask(port, "/login")[0] == 200
    except OSError:
        return False
