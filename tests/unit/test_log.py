"""The log of workers: one line per event, as text or JSON, without passwords."""

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from search.log import LineFormatter, append_line, log_format, one_line, read_cause, refusal_line
from trainer.errors import InputError

URL = "postgresql://ada:s3cret@db.example/unet"
DYING = f"""
import threading
from search.log import log_event, start_log
start_log("host:0")
log_event("starts", 3)
log_event("fails", 3, "{URL}", OSError("{URL}"))
thread = threading.Thread(target=lambda: 1 / 0, name="x")
thread.start()
thread.join()
raise RuntimeError("cannot reach {URL}")
"""


def line(log_format: str, cause: str | None = None, trial: int | None = None) -> str:
    record = logging.makeLogRecord({"msg": "ends", "cause": cause, "trial": trial, "created": 0.5})
    return LineFormatter("host:0", log_format).format(record)


def test_an_event_as_text() -> None:
    assert line("text", "COMPLETE 0.4312", 3) == "1970-01-01 00:00:00.500 host:0 trial 3 ends: COMPLETE 0.4312"
    assert line("text") == "1970-01-01 00:00:00.500 host:0 ends"


def test_an_event_as_json() -> None:
    expected = {"time": "1970-01-01T00:00:00.500+00:00", "worker": "host:0", "trial": 3, "event": "ends", "cause": "x"}
    assert json.loads(line("json", "x", 3)) == expected


@pytest.mark.parametrize("kind", ["text", "json"])
def test_passwords_are_masked_in_events_and_tracebacks(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNET_SEARCH_LOG", kind)
    done = subprocess.run([sys.executable, "-c", DYING], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "s3cret" not in done.stderr
    assert done.stderr.count("ada:***@") == 3 and "ZeroDivisionError" in done.stderr
    if kind == "json":
        events = [json.loads(entry)["event"] for entry in done.stderr.splitlines()]
        assert events == ["starts", "fails", "a thread dies", "dies"]
    last = done.stderr.splitlines()[-1]
    assert read_cause(last) == "RuntimeError: cannot reach postgresql://ada:***@db.example/unet"


def test_passwords_are_masked_in_a_trials_cause() -> None:
    assert one_line(OSError(URL)) == "OSError: postgresql://ada:***@db.example/unet"


@pytest.mark.parametrize("kind", ["text", "json"])
def test_control_characters_never_reach_a_log_raw(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal that shows the log would obey them."""
    monkeypatch.setenv("UNET_SEARCH_LOG", kind)
    trap = "\x1b[2J\r\n\x9b1A"
    append_line(tmp_path / "log", "host:0", "died", trap)
    try:
        raise OSError(trap)
    except OSError as error:
        record = logging.makeLogRecord({"msg": "ends", "cause": one_line(error), "exc_info": sys.exc_info()})
    lines = [line(kind, trap), refusal_line(trap, "host:0"), one_line(OSError(trap))]
    lines += [LineFormatter("host:0", kind).format(record), (tmp_path / "log").read_text()]
    assert all(letter.isprintable() or letter == "\n" for text in lines for letter in text)
    assert all("2J" in text for text in lines)


@pytest.mark.parametrize("kind", ["text", "json"])
def test_a_refusal_is_read_as_its_cause(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNET_SEARCH_LOG", kind)
    assert read_cause(refusal_line("the rule; got it", "host:0")) == "the rule; got it"


def test_the_supervisor_adds_lines(tmp_path: Path) -> None:
    append_line(tmp_path / "log", "host:0", "died", "status -9")
    append_line(tmp_path / "log", "host:0", "died", "status -9")
    lines = (tmp_path / "log").read_text().splitlines()
    assert len(lines) == 2 and lines[0].endswith(" host:0 died: status -9")


def test_an_unknown_format_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNET_SEARCH_LOG", "xml")
    with pytest.raises(InputError, match="UNET_SEARCH_LOG must be one of text, json; got 'xml'"):
        log_format()
