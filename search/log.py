"""What workers say: one line an event, as text or, with UNET_SEARCH_LOG=json, as JSON; no password is ever in it.

As text: `2026-11-04 12:00:00.123 host:0 trial 3 ends: COMPLETE 0.4312`, in UTC. In JSON the keys are KEYS, and
`traceback` where there is one.
"""

import json
import logging
import os
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import optuna

from storage.settings import mask_url
from trainer.errors import InputError

VARIABLE = "UNET_SEARCH_LOG"
KINDS = ("text", "json")
KEYS = ("time", "worker", "trial", "event", "cause")
MESSAGE_CHARACTERS = 500

_log = logging.getLogger("search")


class Lines(logging.Formatter):
    """A record as one line, with every password masked; in text a traceback follows on lines of its own."""

    def __init__(self, worker: str, kind: str) -> None:
        super().__init__()
        self.worker, self.kind = worker, kind

    def format(self, record: logging.LogRecord) -> str:
        entry = {key: mask_url(value) if isinstance(value, str) else value for key, value in self._entry(record)}
        if self.kind == "json":
            return json.dumps(entry)
        trace = entry.pop("traceback", None)
        return _text(**entry) + (f"\n{trace}" if trace else "")

    def _entry(self, record: logging.LogRecord) -> list[tuple[str, Any]]:
        trial, cause = getattr(record, "trial", None), getattr(record, "cause", None)
        when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        event = " ".join(record.getMessage().split())  # warnings have several lines
        told = list(zip(KEYS, (when, self.worker, trial, event, cause), strict=True))
        return told + ([("traceback", self.formatException(record.exc_info))] if record.exc_info else [])


def log_kind() -> str:
    """`text` or `json`, as UNET_SEARCH_LOG asks."""
    kind = os.environ.get(VARIABLE) or KINDS[0]
    if kind not in KINDS:
        raise InputError(f"{VARIABLE} must be one of {', '.join(KINDS)}; got {kind!r}; unset it for text")
    return kind


def start_log(worker: str) -> None:
    """Sends all that this process logs, warns of or dies of to standard error, in a worker's name."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines(worker, log_kind()))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.captureWarnings(True)
    optuna.logging.disable_default_handler()
    optuna.logging.enable_propagation()
    sys.excepthook = lambda kind, error, trace: _log.error("dies", exc_info=(kind, error, trace))
    threading.excepthook = _thread_died


def say(event: str, trial: int | None = None, cause: str | None = None, error: BaseException | None = None) -> None:
    """Logs an event, of a trial where a number is given; `error` adds its traceback."""
    _log.info(event, exc_info=error, extra={"trial": trial, "cause": cause})


def one_line(error: BaseException) -> str:
    """The error's class and message on one line, without passwords."""
    text = mask_url(" ".join(f"{type(error).__name__}: {error}".split()))
    return text if len(text) <= MESSAGE_CHARACTERS else f"{text[: MESSAGE_CHARACTERS - 3]}..."


def append_line(file: Path, worker: str, event: str, cause: str | None = None) -> None:
    """Adds a line to a worker's log, on behalf of its supervisor."""
    record = logging.makeLogRecord({"msg": event, "cause": cause})
    with file.open("a") as log:
        log.write(Lines(worker, log_kind()).format(record) + "\n")


def refusal(cause: str, worker: str) -> str:
    """The line with which a worker refuses its input: in text the cause alone, which the supervisor shows."""
    if os.environ.get(VARIABLE) != "json":
        return mask_url(cause)
    return Lines(worker, "json").format(logging.makeLogRecord({"msg": "refuses", "cause": cause}))


def read_cause(line: str) -> str:
    """What a log's line says for people: the cause of an entry in JSON, any other line as it is."""
    try:
        entry = dict(json.loads(line))
    except (ValueError, TypeError):
        return line
    trace = str(entry.get("traceback", "")).splitlines()
    return str(entry.get("cause") or (trace[-1] if trace else entry.get("event")))


def _text(time: str, worker: str, trial: object, event: str, cause: object) -> str:
    subject = worker if trial is None else f"{worker} trial {trial}"
    when = time.removesuffix("+00:00").replace("T", " ")
    return f"{when} {subject} {event}" + (f": {cause}" if cause else "")


def _thread_died(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None:
        _log.error("a thread dies", exc_info=args.exc_value)
