"""What the front logs, and that no line of it can be forged."""

import pytest

from tests.unit.dashboard.wsgi_client import ADMIN, VIEWER, Site, guarded_site


def test_who_comes_and_goes_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    site = guarded_site()
    cookie = site.sign_in(*ADMIN).cookie
    site.ask("/logout", "POST", cookie=cookie)
    site.ask("/logout", "POST", cookie=cookie)  # nobody
    for _ in range(3):
        site.ask("/api/meta", account=VIEWER, address="192.0.2.8")  # a script, which sends its password each time
    assert capsys.readouterr().err.splitlines() == [
        "dashboard: admin signs in from 192.0.2.7",
        "dashboard: admin signs out from 192.0.2.7",
        "dashboard: viewer signs in from 192.0.2.8",
    ]


def test_changes_are_logged_with_what_came_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    site = guarded_site()
    cookie = site.sign_in(*ADMIN).cookie
    capsys.readouterr()
    site.answer = ("204 No Content", [])
    site.ask("/api/studies/1", "DELETE", cookie=cookie)
    site.answer = ("201 Created", [])
    site.ask("/api/artifacts/1/2?secret=1", "POST", form={"file": "secret"}, cookie=cookie)
    site.ask("/api/\u202e".encode().decode("latin-1"), "POST", cookie=cookie)
    site.ask("/api/studies", cookie=cookie)
    assert capsys.readouterr().err.splitlines() == [
        "dashboard: admin at 192.0.2.7 asks DELETE /api/studies/1: 204 No Content",
        "dashboard: admin at 192.0.2.7 asks POST /api/artifacts/1/2: 201 Created",
        "dashboard: admin at 192.0.2.7 asks POST /api/%E2%80%AE: 201 Created",
    ]


def test_no_log_line_can_be_forged(capsys: pytest.CaptureFixture[str]) -> None:
    site = Site((), "192.0.2.7", DASHBOARD_USER="new\x1bline", DASHBOARD_PASSWORD="right")
    site.sign_in("new\x1bline", "wrong", X_FORWARDED_FOR="10.0.0.1\ndashboard: admin signs in from 10.0.0.2")
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "dashboard: wrong password for new\\x1bline from 10.0.0.1\\ndashboard: admin signs in from 10.0.0.2"


def test_a_log_that_nobody_reads_keeps_nobody_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(line: str, err: bool) -> None:
        raise BrokenPipeError

    monkeypatch.setattr("search.dashboard.log.say", fail)
    assert guarded_site().sign_in(*ADMIN).status == 303
