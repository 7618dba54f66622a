"""The log of a worker: one line per event, as text or, with UNET_SEARCH_LOG=json, as JSON; passwords are masked.

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
from typing_extensions import override

from storage.folders import open_plain
from storage.settings import mask_url
from trainer.errors import InputError, printable

VARIABLE = "UNET_SEARCH_LOG"
FORMATS = ("text", "json")
KEYS = ("time", "worker", "trial", "event", "cause")
MESSAGE_CHARACTERS = 500

_log = logging.getLogger("search")


class LineFormatter(logging.Formatter):
    """Formats a record as one line with passwords masked; in text a traceback follows on lines of its own.

    What others wrote is escaped where it is not printable: a terminal that shows the log would obey it.

    Args:
        worker: the name of the worker that logs.
        log_format: one of FORMATS.
    """

    def __init__(self, worker: str, log_format: str) -> None:
        super().__init__()
        self.worker, self.log_format = worker, log_format

    @override
    def format(self, record: logging.LogRecord) -> str:
        entry = {key: mask_url(value) if isinstance(value, str) else value for key, value in self._entry(record)}
        if self.log_format == "json":
            return json.dumps(entry)
        trace = entry.pop("traceback", None)
        return "\n".join(printable(line) for line in (_text(**entry), *(trace or "").splitlines()))

    def _entry(self, record: logging.LogRecord) -> list[tuple[str, Any]]:
        trial, cause = getattr(record, "trial", None), getattr(record, "cause", None)
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        event = " ".join(record.getMessage().split())  # warnings have several lines
        entry = list(zip(KEYS, (time, self.worker, trial, event, cause), strict=True))
        return entry + ([("traceback", self.formatException(record.exc_info))] if record.exc_info else [])


def log_format() -> str:
    """`text` or `json`, as UNET_SEARCH_LOG asks. Raises InputError for another value."""
    found = os.environ.get(VARIABLE) or FORMATS[0]
    if found not in FORMATS:
        raise InputError(f"{VARIABLE} must be one of {', '.join(FORMATS)}; got {found!r}; unset it for text")
    return found


def start_log(worker: str) -> None:
    """Makes this process log to standard error under a worker's name, warnings and uncaught exceptions included."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter(worker, log_format()))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.captureWarnings(True)
    optuna.logging.disable_default_handler()
    optuna.logging.enable_propagation()
    sys.excepthook = lambda kind, error, trace: _log.error("dies", exc_info=(kind, error, trace))
    threading.excepthook = _log_thread_death


def log_event(
    event: str, trial: int | None = None, cause: str | None = None, error: BaseException | None = None
) -> None:
    """Logs an event, of the trial with this number where one is given; `error` adds its traceback."""
    _log.info(event, exc_info=error, extra={"trial": trial, "cause": cause})


def one_line(error: BaseException) -> str:
    """The error's class and message on one printable line of at most MESSAGE_CHARACTERS, with passwords masked."""
    text = printable(mask_url(" ".join(f"{type(error).__name__}: {error}".split())))
    return text if len(text) <= MESSAGE_CHARACTERS else f"{text[: MESSAGE_CHARACTERS - 3]}..."


def append_line(file: Path, worker: str, event: str, cause: str | None = None) -> None:
    """Adds a line to a worker's log from another process, its supervisor. Raises OSError."""
    record = logging.makeLogRecord({"msg": event, "cause": cause})
    with open(file, "a", encoding="utf-8", errors="backslashreplace", opener=open_plain) as log:
        log.write(LineFormatter(worker, log_format()).format(record) + "\n")


def refusal_line(cause: str, worker: str) -> str:
    """The last line of a worker that refuses its input; in text it is the cause alone, which the supervisor shows."""
    if os.environ.get(VARIABLE) != "json":
        return printable(mask_url(cause))
    return LineFormatter(worker, "json").format(logging.makeLogRecord({"msg": "refuses", "cause": cause}))


def read_cause(line: str) -> str:
    """The cause in a log's line: of a JSON entry its `cause`, else its error or event; any other line as it is."""
    try:
        entry = dict(json.loads(line))
    except (ValueError, TypeError):
        return line
    trace = str(entry.get("traceback", "")).splitlines()
    return str(entry.get("cause") or (trace[-1] if trace else entry.get("event")))


def _text(time: str, worker: str, trial: object, event: str, cause: object) -> str:
    subject = worker if trial is None else f"{worker} trial {trial}"
    time = time.removesuffix("+00:00").replace("T", " ")
    return f"{time} {subject} {event}" + (f": {cause}" if cause else "")


def _log_thread_death(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None:
        _log.error("a thread dies", exc_info=args.exc_value)
