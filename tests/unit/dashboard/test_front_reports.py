"""Report pages behind the front."""

import pytest

from search.dashboard.reports import ReportBusy
from storage.errors import StorageError
from tests.unit.dashboard.wsgi_client import VIEWER, guarded_site


def test_a_report_is_rendered_once_in_a_while() -> None:
    site = guarded_site("mars")
    assert site.ask("/report", account=VIEWER).headers["location"] == "/report/mars"
    assert [site.ask("/report/mars", account=VIEWER).body for _ in range(3)] == ["report of mars"] * 3
    assert site.rendered == 1


def test_a_report_of_no_study_is_not_found() -> None:
    site = guarded_site("mars", "a/b <i>")
    assert site.ask("/report/<b>", account=VIEWER).status == 404
    assert "<b>" not in site.ask("/report/<b>", account=VIEWER).body
    listed = site.ask("/report", account=VIEWER).body
    assert 'href="/report/a%2Fb%20%3Ci%3E">a/b &lt;i&gt;<' in listed
    assert site.ask("/report/a/b <i>", account=VIEWER).body == "report of a/b <i>"


def test_a_report_that_is_being_drawn_is_asked_for_again() -> None:
    site = guarded_site("mars")
    site.failure = ReportBusy()
    busy = site.ask("/report/mars", account=VIEWER)
    assert busy.status == 503 and int(busy.headers["retry-after"]) > 0 and "being drawn" in busy.body


def test_a_report_without_a_database_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    site = guarded_site("mars")
    site.failure = StorageError("the database must answer; got <none>; check DATABASE_URL")
    away = site.ask("/report/mars", account=VIEWER)
    assert away.status == 503 and "got &lt;none&gt;; check DATABASE_URL" in away.body
    assert capsys.readouterr().err.splitlines()[1:] == [f"dashboard: {site.failure}"]
