"""The logs of a search: one JSON line an event when asked."""

import json

import pytest

from tests.e2e.conftest import Search
from trainer.errors import InputError


@pytest.fixture(autouse=True)
def as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNET_SEARCH_LOG", "json")


def test_every_event_is_a_line(search: Search) -> None:
    search.create(2, epochs=2, study="pruner = 'none'")
    assert search.run(1) == 0
    lines = search.log.read_text().splitlines()
    events = [json.loads(line) for line in lines]
    assert all(event["time"] and event["worker"].endswith(":0") for event in events)
    told = [(event["trial"], event["event"]) for event in events]
    assert told == [(None, "starts"), (0, "starts"), (0, "ends"), (1, "starts"), (1, "ends"), (None, "ends")]
    assert events[2]["cause"].startswith("COMPLETE 0.")


def test_a_refusal_is_shown_as_its_cause(search: Search) -> None:
    search.create(1)
    with pytest.raises(InputError, match=r"^a trainer must be module:function; got"):
        search.run(1, "no_such_trainer")


def test_a_traceback_belongs_to_its_event(search: Search) -> None:
    search.create(1)
    assert search.run(1, "failing_trainer") == 3
    lines = search.log.read_text().splitlines()
    fails = [event for event in map(json.loads, lines) if event["event"] == "fails"]
    assert len(fails) == 15  # five trials, three times each
    assert all(event["traceback"].startswith("Traceback") for event in fails)


def test_another_kind_of_log_is_refused(search: Search, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNET_SEARCH_LOG", "xml")
    search.create(1)
    with pytest.raises(InputError, match="UNET_SEARCH_LOG must be one of text, json; got 'xml'"):
        search.run(1)
