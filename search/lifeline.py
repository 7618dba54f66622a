"""What runs beside the training: leases are renewed, and the process ends with its parent or when told to."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from storage.database import Database
from storage.lease import LEASE_S, release_owner, renew
from storage.study import stops_now

TOLD_TO_STOP = 143  # exit status of a process that ended on SIGTERM
GRACE_S = 8.0  # between being told to stop and being ended
ASK_S = 2.0  # between two looks at whether the study was stopped, and two tries to renew
STDIN = 0


def catch_signals(stop: threading.Event) -> None:
    """SIGTERM sets `stop`. SIGINT is the supervisor's: it says what becomes of its workers."""
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def renewing(db: Database, owner: UUID, stop: threading.Event, lease_s: float = LEASE_S) -> Iterator[None]:
    """Renews the owner's leases in a thread, through losses of the database too; `stop --now` sets `stop`."""
    done = threading.Event()
    thread = threading.Thread(target=_renew, args=(db, owner, stop, lease_s, done), name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(5)


def follow_parent(stop: threading.Event, db: Database, owner: UUID) -> None:
    """Watches standard input, which the supervisor holds open: its end means that the supervisor is gone."""
    threading.Thread(target=_follow, args=(stop, db, owner), name="parent", daemon=True).start()


def _renew(db: Database, owner: UUID, stop: threading.Event, lease_s: float, done: threading.Event) -> None:
    due = monotonic() + lease_s / 3
    while not done.wait(ASK_S):
        with suppress(SQLAlchemyError):  # the next time, then
            if stops_now(db, owner):
                stop.set()
            if monotonic() >= due:
                renew(db, owner, lease_s)
                due = monotonic() + lease_s / 3


def _follow(stop: threading.Event, db: Database, owner: UUID) -> None:
    with suppress(OSError):
        while os.read(STDIN, 1):  # not sys.stdin: the interpreter cannot end while a thread holds its lock
            pass
    stop.set()
    threading.Event().wait(GRACE_S)
    with suppress(SQLAlchemyError):
        release_owner(db, owner)
    os._exit(TOLD_TO_STOP)
