"""How far work on data is, as lines of a worker's log."""

import logging

import pytest

from search.worker import progress
from search.worker.progress import LoggedProgress


def test_a_line_is_logged_once_an_interval(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    caplog.set_level(logging.INFO)
    LoggedProgress().update("MiB of data fetched", 512, 2048)
    assert caplog.records == []
    monkeypatch.setattr(progress, "LINE_INTERVAL_S", 0.0)
    LoggedProgress().update("MiB of data fetched", 512, 2048)
    (record,) = caplog.records
    assert record.getMessage() == "prepares its data"
    assert vars(record)["cause"] == "MiB of data fetched: 512 of 2,048 (25 %)"
