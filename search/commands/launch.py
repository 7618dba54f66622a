"""Steps that `run`, `init` and `worker` have in common: check the plan, prepare the study, run its workers."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from search.backend import choose_backend
from search.commands.options import SpaceChoice, data_changes, find_data, parse_sets
from search.commands.result import interrupted_line, print_confirmation, print_result
from search.confirming import Extent, confirm_study
from search.log import one_line
from search.reconnect import UNREACHABLE
from search.sharing.locate import borrow_data, bring_data
from search.sharing.share import Offer, send_data
from search.space.default import Device
from search.study.enqueue import describe_enqueued, enqueue_default, enqueue_warm_starts, share_values
from search.study.plan import Plan, load_plan, settle_data
from search.study.question import question
from search.study.space_left import SpaceLeft
from search.study.study import OpenStudy, change_budget, create_study
from search.supervisor.devices import DeviceChoice, DeviceSlot, list_device_slots
from search.supervisor.monitor import monitor_study
from search.supervisor.prometheus import StudyMetrics
from search.supervisor.signals import signal_name
from search.supervisor.supervisor import WorkerGroup, run_workers
from search.terminal.live import StudyDisplay
from search.terminal.plain import say
from search.terminal.progressbar import CopyProgress
from search.tuning.gpu_share import find_gpu_share
from search.worker.contract import DONE
from storage.artifacts.store import artifacts_folder, find_artifacts, open_artifacts
from storage.database.connection import Database
from storage.database.health import require_connections
from storage.folders import check_writable, remove_unused_folders, removed_after_refusal
from storage.settings import Settings
from storage.studies.leases import budget_left
from storage.studies.status import study_status
from storage.studies.study import get_budget
from trainer.data.inspect import list_warnings
from trainer.data.prepare import Prepared, prepare_data
from trainer.metric import check_metric
from trainer.pipeline.budget import warn_of_failure


@contextmanager
def check_folders(settings: Settings) -> Iterator[None]:
    """Checks that workers can write their folders, and removes new ones that are empty at the end of the context.

    Raises StorageError.
    """
    with (
        remove_unused_folders(artifacts_folder(settings)),
        remove_unused_folders(settings.dir),
        removed_after_refusal(settings.decoded_data),
    ):
        check_writable(settings.dir, "give another one with --dir")
        open_artifacts(settings)
        yield


def check_database(settings: Settings, workers: int) -> None:
    """Raises StorageError where the server of DATABASE_URL does not answer so many workers, before data are decoded."""
    if settings.database_url is not None:
        require_connections(settings.database_url, workers)


def make_plan(
    settings: Settings,
    *,
    file: Path | None,
    data: Path | None,
    images: Path | None,
    masks: Path | None,
    trials: int | None,
    sets: tuple[str, ...],
    warm_start: tuple[str, ...],
    name: str | None,
    space: SpaceChoice,
    gpu: bool,
    timeout_s: float | None = None,
) -> Plan:
    """The plan of the command line; for the generated sample where neither it nor the file names data.

    Args:
        settings: of the run.
        space: the device that the default space suits; "auto" for that of the workers.
        gpu: whether they have GPUs.
        timeout_s: seconds until the workers stop.
        file, data, images, masks, trials, sets, warm_start, name: of the command line.
    """
    device: Device = ("gpu" if gpu else "cpu") if space == "auto" else space
    study = {"trials": trials, "timeout_s": timeout_s, "name": name}
    values = parse_sets(sets) | data_changes(data, images, masks)
    plan = load_plan(file, values, None, study, warm_start, device)
    if not (plan.base.data.path or plan.base.data.images):
        plan = load_plan(file, values, find_data(None, settings), study, warm_start, device)
    if plan.device_note is not None:
        say(plan.device_note, err=True)
    return plan


def make_question(
    settings: Settings, plan: Plan, deterministic: bool, gpu: bool = False
) -> tuple[Plan, dict[str, Any]]:
    """The plan with all that was found in its data, and the study's question. Raises InputError.

    Args:
        settings: of the run, in whose folder the data are decoded.
        plan: of the command line or of a study.
        deterministic: whether the same trial must give the same bits on the same machine.
        gpu: whether the workers of this host have GPUs.
    """
    with CopyProgress() as progress:
        prepared = prepare_data(plan.base.data, settings.decoded_data, gpu, progress.update)
    plan = settle_data(plan, prepared.look.config)
    dataset = prepared.dataset
    check_metric(plan.base.metric, dataset.names, dataset.ignore)
    warnings = [*list_warnings(prepared), *warn_of_failure(plan.base, len(dataset.train))]
    for line in (*summary_lines(prepared), *(f"warning: {line}" for line in warnings)):
        say(line, err=True)
    return plan, question(plan, dataset.fingerprint, choose_backend(), deterministic)


def borrow_study_data(settings: Settings, plan: Plan, planned: Mapping[str, Any]) -> Plan:
    """The plan of a command line, with the study's copy in place of data that its file names, and this host lacks.

    Raises InputError, StorageError.
    """
    if planned["data"] is not None or planned["images"] is not None:  # whoever names data here means them
        return plan
    with CopyProgress() as progress:
        return borrow_data(settings, plan, tell, progress.update)


def bring_study_data(opened: OpenStudy, settings: Settings) -> OpenStudy:
    """The study with the place of its data on this host, to which they are fetched where it lacks them.

    Raises InputError, StorageError.
    """
    with CopyProgress() as progress:
        return bring_data(opened, settings, find_artifacts(settings), tell, progress.update)[0]


def tell(line: str) -> None:
    """Says something before it takes long."""
    say(line, err=True)


def share_gpus(
    slots: tuple[DeviceSlot, ...], plan: Plan, settings: Settings, device: DeviceChoice, deterministic: bool
) -> tuple[DeviceSlot, ...]:
    """The slots with as many workers a GPU as its memory holds, which is measured; says so.

    Args:
        slots: one for each GPU.
        plan: with all that was found in its data.
        settings: of the run, in whose folder the data are decoded.
        device, deterministic: of the command line.
    """
    share = find_gpu_share(plan, settings.decoded_data, slots)
    say(share.line, err=True)
    return list_device_slots(None, device, deterministic, share.workers)


def summary_lines(prepared: Prepared) -> list[str]:
    """What a training shows and what was dropped, as lines for people."""
    dataset = prepared.dataset
    height, width, _ = dataset.shape
    seen = f"in patches of {height}x{width}" if prepared.look.config.patch else f"of {height}x{width}"
    lines = [f"{len(dataset.train)} training and {len(dataset.validation)} validation images {seen}"]
    lines[0] += f", {len(dataset.dropped)} corrupt ones dropped" if dataset.dropped else ""
    unread = prepared.source.unread
    return lines + ([f"{len(unread)} files are not read, the first is {unread[0]}"] if unread else [])


def prepare_study(
    db: Database, plan: Plan, asked: dict[str, Any], trials: int | None, offer: Offer | None
) -> OpenStudy:
    """Creates or opens the plan's study, whose question is `asked`, and enqueues the base and the plan's warm starts.

    Args:
        trials: the number of trials that the command line names, if it does.
        offer: of its data, which are sent to the artifact store unless they are there; None to share nothing.
    """
    opened = create_study(db, plan, asked, offer.copy.name if offer else None)
    if line := change_budget(db, opened, plan, trials):
        say(line, err=True)
    starts = share_values(plan.warm_starts, opened.plan.base)
    enqueued = [*enqueue_default(db, opened), *enqueue_warm_starts(db, opened, starts)]
    for line in describe_enqueued(db, opened, enqueued):
        say(line, err=True)
    if offer is not None:
        with CopyProgress() as progress:
            line = send_data(db, opened, offer, progress.update)
        if line is not None:
            say(line, err=True)
    return opened


def run_study(db: Database, opened: OpenStudy, group: WorkerGroup, metrics: StudyMetrics, confirm: bool = False) -> int:
    """Runs the workers below the live table, then prints the result; returns the exit status.

    Args:
        confirm: whether the best trials are trained again once the budget is spent.
    """
    begun, status = monotonic(), DONE
    left = budget_left(db, opened.study_id)
    if left.free or left.running:  # otherwise the workers would have nothing to do
        require_connections(db.url, len(group.slots))
        for slot in group.slots:
            say(slot.device if group.cluster else f"worker {slot.index}: {slot.device}", err=True)
        name, epochs = opened.study.study_name, opened.plan.base.budget.epochs
        with metrics.observing(db, opened.study_id, name), StudyDisplay(name, epochs) as display:
            status = run_workers(db, group, monitor_study(db, opened, display, group.settings.dir))
    is_over = group.timeout_s is not None and monotonic() - begun >= group.timeout_s
    try:
        if confirm and status == DONE and _is_spent(db, opened):
            status = _confirm(db, opened, group, begun)
        return print_result(db, opened, group.settings, status, group.timeout_s if is_over else None)
    except (SQLAlchemyError, *UNREACHABLE) as error:
        if (signal := signal_name(status)) is None:
            raise
        cause = one_line(getattr(error, "orig", None) or error)
        say(f"the result is in the database, which does not answer: {cause}", err=True)
        say(interrupted_line(signal), err=True)
        return status


def _confirm(db: Database, opened: OpenStudy, group: WorkerGroup, begun: float) -> int:
    """Trains the best trials again in what is left of the time; returns the exit status of the workers."""
    left_s = None if group.timeout_s is None else max(1.0, group.timeout_s - (monotonic() - begun))
    found = confirm_study(db, opened, replace(group, timeout_s=left_s), Extent())
    if found.status == DONE:
        print_confirmation(opened, found)
    return found.status


def _is_spent(db: Database, opened: OpenStudy) -> bool:
    """Whether the search is at its end, and has found something."""
    counts = study_status(db, opened.study_id).counts
    is_at_end = counts.complete + counts.pruned >= get_budget(db, opened.study_id)
    return counts.complete > 0 and (is_at_end or SpaceLeft(db, opened).is_exhausted())
