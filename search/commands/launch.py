"""Steps that `run`, `init` and `worker` have in common: check the plan, prepare the study, run its workers."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from search.backend import choose_backend
from search.commands.options import find_data, parse_sets
from search.commands.result import interrupted_line, print_result
from search.log import one_line
from search.reconnect import UNREACHABLE
from search.space.space import check_shapes
from search.study.enqueue import describe_enqueued, enqueue_warm_starts
from search.study.plan import Plan, load_plan
from search.study.question import question
from search.study.study import OpenStudy, change_budget, create_study
from search.study.warmstart import check_sizes
from search.supervisor.monitor import monitor_study
from search.supervisor.prometheus import StudyMetrics
from search.supervisor.signals import signal_name
from search.supervisor.supervisor import WorkerGroup, run_workers
from search.terminal.live import StudyDisplay
from search.terminal.plain import say
from search.worker.contract import DONE
from storage.artifacts.store import artifacts_folder, open_artifacts
from storage.database.connection import Database
from storage.database.health import require_connections
from storage.folders import check_writable, remove_unused_folders
from storage.settings import Settings
from storage.studies.leases import budget_left
from trainer.data.dataset import open_dataset


@contextmanager
def check_folders(settings: Settings) -> Iterator[None]:
    """Checks that workers can write their folders, and removes new ones that are empty at the end of the context.

    Raises StorageError.
    """
    with remove_unused_folders(settings.dir), remove_unused_folders(artifacts_folder(settings)):
        check_writable(settings.dir, "give another one with --dir")
        open_artifacts(settings)
        yield


def make_plan(
    settings: Settings,
    *,
    file: Path | None,
    data: Path | None,
    trials: int | None,
    sets: tuple[str, ...],
    warm_start: tuple[str, ...],
    name: str | None,
    timeout_s: float | None = None,
) -> Plan:
    """The plan of the command line; for the generated sample where neither it nor the file names data."""
    study = {"trials": trials, "timeout_s": timeout_s, "name": name}
    values = parse_sets(sets)
    plan = load_plan(file, values, data, study, warm_start)
    return plan if plan.base.data.path else load_plan(file, values, find_data(None, settings), study, warm_start)


def make_question(plan: Plan, deterministic: bool) -> dict[str, Any]:
    """The study's question. The data are read for it; raises InputError where a network does not accept its images."""
    dataset = open_dataset(plan.base.data)
    height, width = dataset.images.shape[1:3]
    check_shapes(plan.space, plan.base, height, width)
    check_sizes(plan.warm_starts, height, width)
    say(
        f"{len(dataset.train)} training and {len(dataset.validation)} validation images of {height}x{width}"
        + (f", {len(dataset.dropped)} corrupt ones dropped" if dataset.dropped else ""),
        err=True,
    )
    return question(plan, dataset.fingerprint, choose_backend(), deterministic)


def prepare_study(db: Database, plan: Plan, asked: dict[str, Any], trials: int | None) -> OpenStudy:
    """Creates or opens the plan's study, whose question is `asked`, and enqueues the plan's warm starts.

    Args:
        trials: the number of trials that the command line names, if it does.
    """
    opened = create_study(db, plan, asked)
    if line := change_budget(db, opened, plan, trials):
        say(line, err=True)
    for line in describe_enqueued(db, opened, enqueue_warm_starts(db, opened, plan.warm_starts)):
        say(line, err=True)
    return opened


def run_study(db: Database, opened: OpenStudy, group: WorkerGroup, metrics: StudyMetrics) -> int:
    """Runs the workers below the live table, then prints the result; returns the exit status."""
    left = budget_left(db, opened.study_id)
    if left.free == left.running == 0:  # the workers would have nothing to do
        return print_result(db, opened, group.settings, DONE)
    require_connections(db.url, len(group.slots))
    for slot in group.slots:
        say(f"worker {slot.index}: {slot.device}", err=True)
    name, begun = opened.study.study_name, monotonic()
    with metrics.observing(db, opened.study_id, name), StudyDisplay(name, opened.plan.base.budget.epochs) as display:
        status = run_workers(db, group, monitor_study(db, opened, display, group.settings.dir))
    is_over = group.timeout_s is not None and monotonic() - begun >= group.timeout_s
    try:
        return print_result(db, opened, group.settings, status, group.timeout_s if is_over else None)
    except (SQLAlchemyError, *UNREACHABLE) as error:
        if (signal := signal_name(status)) is None:
            raise
        cause = one_line(getattr(error, "orig", None) or error)
        say(f"the result is in the database, which does not answer: {cause}", err=True)
        say(interrupted_line(signal), err=True)
        return status
