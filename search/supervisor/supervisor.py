"""The supervisor: starts one worker process per device slot, restarts those that die, and stops them all at its end.

It knows nothing of trials: their state is in the database, so that nothing is lost when it dies, or a worker does.
"""

import os
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic, sleep
from uuid import uuid4

from sqlalchemy.exc import SQLAlchemyError

from search.log import log_format, one_line
from search.supervisor.devices import DeviceSlot
from search.supervisor.process import WorkerProcess
from search.supervisor.python import module_path
from search.supervisor.signals import SignalCounter, count_signals
from search.worker.contract import AWAY, BAD_INPUT, DEFAULT_TRAINER, DONE, FAILURES, GROWN, Cluster, Order
from storage.database.connection import Database
from storage.settings import Settings
from storage.studies.leases import release_owner
from trainer.errors import InputError

POLL_S = 0.1
TICK_S = 1.0
MAX_DEATHS = 8  # of one slot in a row; more than a single trial that kills its workers causes


@dataclass(frozen=True)
class WorkerGroup:
    """The workers of one host, or of a cluster: a device slot for each, and what they have in common."""

    study: str
    settings: Settings
    slots: tuple[DeviceSlot, ...]  # of this host; for a cluster the one that stands for all of it
    data: str | None = None  # where the data lie on this host; by default as recorded in the study
    deterministic: bool = False
    timeout_s: float | None = None  # until the workers are stopped, and their trials handed on
    trainer: str = DEFAULT_TRAINER
    host: str = field(default_factory=socket.gethostname)  # first part of the workers' names
    cluster: Cluster | None = None  # where the workers run, instead of on this host


def run_workers(db: Database, group: WorkerGroup, tick: Callable[[], None] = lambda: None) -> int:
    """Runs a group of workers until the study is done; returns the exit status.

    Args:
        tick: called about once a second, such as to update the live table; an exception in it ends the workers.

    Returns:
        0 done or timed out, 3 where failures stopped every worker, 129, 130 or 143 after SIGHUP, SIGINT or SIGTERM.

    Raises:
        InputError: a worker refused its input, with the line that it wrote; all workers found the database or the
            artifact store away before any had started well; or a slot's workers died MAX_DEATHS times.
    """
    log_format()  # raises InputError here, not in each worker
    workers = [_make_worker(group, slot) for slot in group.slots]
    environ = _worker_environment(db, group.settings)
    deadline = monotonic() + group.timeout_s if group.timeout_s else float("inf")
    with count_signals() as signals:
        try:
            _supervise(db, workers, environ, tick, signals, deadline)
        finally:
            _stop_workers(workers, signals)
            for worker in workers:
                worker.kill()
            _release_leases(db, workers)
    if signals.status:
        return signals.status
    return FAILURES if all(worker.status == FAILURES for worker in workers) else DONE


def _supervise(
    db: Database,
    workers: Sequence[WorkerProcess],
    environ: Mapping[str, str],
    tick: Callable[[], None],
    signals: SignalCounter,
    deadline: float,
) -> None:
    next_tick = monotonic()
    while not signals.count and monotonic() < deadline and any(worker.status is None for worker in workers):
        for worker in workers:
            _attend_worker(worker, environ)
        _check_refusals(workers)
        _release_leases(db, workers)
        if monotonic() >= next_tick:
            tick()
            next_tick = monotonic() + TICK_S
        sleep(POLL_S)
    tick()


def _attend_worker(worker: WorkerProcess, environ: Mapping[str, str]) -> None:
    """Starts the worker's process when it is due, kills it when it hangs, and decides what follows when it ended."""
    if worker.status is not None:
        return
    if worker.process is None:
        if monotonic() >= worker.start_at:
            _start(worker, environ)
        return
    status = worker.poll()
    if status is None:
        worker.kill_if_hung()
    elif status in (DONE, FAILURES):
        worker.status = status
    elif status == BAD_INPUT and not worker.failed_to_restart():
        raise InputError(worker.last_cause())
    elif status == GROWN:
        _start(worker, environ)
    else:
        cause = worker.last_cause()
        worker.refusal = cause if status == AWAY else worker.refusal
        _handle_death(worker, f"status {status}", cause)


def _start(worker: WorkerProcess, environ: Mapping[str, str]) -> None:
    """Starts the worker's process; where that fails, as without memory, it is tried again after a pause."""
    try:
        worker.start(environ)
    except OSError as error:
        _handle_death(worker, "no process", one_line(error))


def _handle_death(worker: WorkerProcess, how: str, cause: str) -> None:
    """Schedules the next start of a worker that died. Raises InputError after MAX_DEATHS in a row."""
    worker.restart_later()
    if worker.deaths >= MAX_DEATHS:
        raise InputError(
            f"a worker must live; {worker.order.worker} died {worker.deaths} times in a row, the last time with "
            f"{how}: {cause}; see {worker.log}"
        )
    worker.append_log("died", f"{how}; it starts again in {worker.start_at - monotonic():.1f} s")


def _check_refusals(workers: Sequence[WorkerProcess]) -> None:
    """Raises InputError, with a worker's line, where all of them found the database or the artifact store away."""
    if all(worker.is_refused() for worker in workers):
        raise InputError(workers[-1].refusal)


def _stop_workers(workers: Sequence[WorkerProcess], signals: SignalCounter) -> None:
    """Tells the workers to stop, and waits for them to hand their trials on; a second signal ends the wait."""
    deadline = monotonic() + max((worker.order.grace_s for worker in workers), default=0.0)
    for worker in workers:
        worker.terminate()
    while any(worker.process for worker in workers) and monotonic() < deadline and signals.count < 2:
        for worker in workers:
            worker.poll()
        sleep(POLL_S)


def _release_leases(db: Database, workers: Sequence[WorkerProcess]) -> None:
    """Releases the leases of dead processes; while the database is away they stay, to be released later or expire."""
    for worker in workers:
        while worker.unreleased:
            try:
                release_owner(db, worker.unreleased[-1])
            except SQLAlchemyError:
                return
            worker.unreleased.pop()


def _make_worker(group: WorkerGroup, slot: DeviceSlot) -> WorkerProcess:
    logs = group.settings.dir / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    # The host is in the log's name too, since several hosts or containers may share the run's folder.
    name, log = f"{group.host}:{slot.index}", f"worker-{group.host}-{slot.index}.log"
    if group.cluster is not None:
        name, log = f"{group.host}:ray", f"ray-{group.host}.log"
    order = Order(
        study=group.study,
        worker=name,
        owner=uuid4(),
        device=slot.device,
        gpu=slot.gpu,
        deterministic=group.deterministic,
        data=group.data,
        trainer=group.trainer,
        cluster=group.cluster,
    )
    return WorkerProcess(slot, order, logs / log)


def _worker_environment(db: Database, settings: Settings) -> dict[str, str]:
    places = {"DATABASE_URL": db.url, "UNET_SEARCH_DIR": str(settings.dir.expanduser().absolute())}
    if settings.artifacts is not None:
        places["UNET_SEARCH_ARTIFACTS"] = settings.artifacts
    return {**os.environ, **places, "PYTHONPATH": module_path()}
