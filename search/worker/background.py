"""What runs beside the training: leases are renewed, and the process ends with its supervisor or when told to."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from search.log import log_event, one_line
from search.worker.contract import GRACE_S, TOLD_TO_STOP
from storage.database.connection import Database
from storage.studies.leases import LEASE_S, release_owner, renew
from storage.studies.study import stops_now

ASK_S = 2.0  # between two looks at whether the study was stopped, and two tries to renew
STDIN = 0


def catch_signals(stop: threading.Event) -> None:
    """Makes SIGTERM and SIGHUP set `stop`, unless they are ignored, as by `nohup`.

    SIGINT is ignored: it is for the supervisor, which tells its workers to stop.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda *_: stop.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def renewing(db: Database, owner: UUID, stop: threading.Event, lease_s: float = LEASE_S) -> Iterator[None]:
    """Renews the owner's leases in a thread, while the database is away too; `stop --now` sets `stop`."""
    done = threading.Event()
    thread = threading.Thread(target=_renew, args=(db, owner, stop, lease_s, done), name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(5)


def follow_parent(stop: threading.Event, db: Database, owner: UUID, grace_s: float = GRACE_S) -> None:
    """Watches standard input, which the supervisor holds open: at its end the supervisor has died, and so ends this.

    Args:
        stop: is set then.
        db: where the owner's leases are released, `grace_s` seconds later; then the process ends in any case.
        owner: of this process.
        grace_s: the time to end by itself.
    """
    threading.Thread(target=_follow, args=(stop, db, owner, grace_s), name="parent", daemon=True).start()


def _renew(db: Database, owner: UUID, stop: threading.Event, lease_s: float, done: threading.Event) -> None:
    due = monotonic() + lease_s / 3
    while not done.wait(ASK_S):
        try:
            if stops_now(db, owner):
                stop.set()
            if monotonic() >= due:
                renew(db, owner, lease_s)
                due = monotonic() + lease_s / 3
        except SQLAlchemyError:  # the database is away: tried again at the next look
            continue
        except Exception as error:  # whatever it is, the thread must go on
            log_event("could not renew its leases", cause=one_line(error), error=error)


def _follow(stop: threading.Event, db: Database, owner: UUID, grace_s: float) -> None:
    with suppress(OSError):
        while os.read(STDIN, 1):  # not sys.stdin: the interpreter cannot end while a thread holds its lock
            pass
    stop.set()
    threading.Event().wait(grace_s)
    try:
        release_owner(db, owner)
    finally:
        os._exit(TOLD_TO_STOP)
