"""The supervisor: one worker process per device slot, restarted when it dies, told to stop, never left behind.

It knows nothing of trials: whatever becomes of it or of a worker, the database tells what is to be done.
"""

import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from uuid import uuid4

from sqlalchemy.exc import SQLAlchemyError

from search.log import log_kind
from search.supervisor.devices import DeviceSlot
from search.supervisor.process import WorkerProcess
from search.supervisor.signals import Signals, counting_signals
from search.worker.contract import BAD_INPUT, DEFAULT_TRAINER, DONE, FAILURES, GRACE_S, GROWN, Order
from storage.database.connection import Database
from storage.settings import Settings
from storage.studies.leases import release_owner
from trainer.errors import InputError

BEAT_S = 0.1
TICK_S = 1.0
DEADLY_DEATHS = 8  # of one slot in a row: more than one trial's fault


@dataclass(frozen=True)
class Crew:
    """What the workers of this host have in common."""

    study: str
    settings: Settings
    slots: tuple[DeviceSlot, ...]
    data: str | None = None  # where the data lie on this host; as recorded when missing
    deterministic: bool = False
    timeout_s: float | None = None  # then the trials under way are handed on to the next start
    trainer: str = DEFAULT_TRAINER


def run_workers(db: Database, crew: Crew, tick: Callable[[], None] = lambda: None) -> int:
    """Runs the crew until the study is done; returns the exit status.

    Args:
        tick: called about once a second, such as for the live table; what it raises ends the workers.

    Returns:
        0 done or timed out, 3 stopped by failures, 130 or 143 after Ctrl-C or SIGTERM.

    Raises:
        InputError: a worker refused its input, whose line it has; or a worker dies whatever it does.
    """
    log_kind()  # refused here, not by each worker
    children = [_hire(crew, slot) for slot in crew.slots]
    environ = _environment(db, crew.settings)
    deadline = monotonic() + crew.timeout_s if crew.timeout_s else float("inf")
    with counting_signals() as signals:
        try:
            _supervise(db, children, environ, tick, signals, deadline)
        finally:
            _end(children, signals)
            for child in children:
                child.kill()
            _release(db, children)
    if signals.status:
        return signals.status
    return FAILURES if any(child.status == FAILURES for child in children) else DONE


def _supervise(
    db: Database,
    children: list[WorkerProcess],
    environ: Mapping[str, str],
    tick: Callable[[], None],
    signals: Signals,
    deadline: float,
) -> None:
    next_tick = monotonic()
    while not signals.times and monotonic() < deadline and any(child.status is None for child in children):
        for child in children:
            _attend(child, environ)
        _release(db, children)
        if monotonic() >= next_tick:
            tick()
            next_tick = monotonic() + TICK_S
        sleep(BEAT_S)
    tick()


def _attend(child: WorkerProcess, environ: Mapping[str, str]) -> None:
    """Starts the child's process when it is time, and sees to one that has ended."""
    if child.status is not None:
        return
    if child.process is None:
        if monotonic() >= child.start_at:
            child.start(environ)
        return
    status = child.poll()
    if status is None:
        child.kill_if_hung()
        return
    if status in (DONE, FAILURES):
        child.status = status
    elif status == BAD_INPUT:
        raise InputError(child.last_line())
    elif status == GROWN:
        child.start(environ)
    else:
        said = child.last_line()
        child.restart_later()
        if child.deaths >= DEADLY_DEATHS:
            raise InputError(
                f"a worker must live; {child.order.worker} died {child.deaths} times in a row, the last time with "
                f"status {status}: {said}; see {child.log}"
            )
        child.note("died", f"status {status}; it starts again in {child.start_at - monotonic():.1f} s")


def _end(children: list[WorkerProcess], signals: Signals) -> None:
    """Lets the workers hand their trials on, for some seconds; a second signal ends the wait."""
    deadline = monotonic() + GRACE_S
    for child in children:
        child.terminate()
    while any(child.process for child in children) and monotonic() < deadline and signals.times < 2:
        for child in children:
            child.poll()
        sleep(BEAT_S)


def _release(db: Database, children: list[WorkerProcess]) -> None:
    """Releases the leases of dead processes. While the database is away they wait, and at worst expire."""
    for child in children:
        while child.unreleased:
            try:
                release_owner(db, child.unreleased[-1])
            except SQLAlchemyError:
                return
            child.unreleased.pop()


def _hire(crew: Crew, slot: DeviceSlot) -> WorkerProcess:
    logs = crew.settings.dir / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    host = socket.gethostname()  # in the log's name too: hosts, or containers of one, may share the run's folder
    order = Order(
        study=crew.study,
        worker=f"{host}:{slot.index}",
        owner=uuid4(),
        device=slot.device,
        gpu=slot.gpu,
        deterministic=crew.deterministic,
        data=crew.data,
        trainer=crew.trainer,
    )
    return WorkerProcess(slot, order, logs / f"worker-{host}-{slot.index}.log")


def _environment(db: Database, settings: Settings) -> dict[str, str]:
    places = {"DATABASE_URL": db.url, "UNET_SEARCH_DIR": str(settings.dir.expanduser().absolute())}
    if settings.artifacts is not None:
        places["UNET_SEARCH_ARTIFACTS"] = settings.artifacts
    source = str(Path(__file__).resolve().parents[2])  # `python -m search.worker` from any folder
    paths = os.pathsep.join(part for part in (source, os.environ.get("PYTHONPATH", "")) if part)
    return {**os.environ, **places, "PYTHONPATH": paths}
