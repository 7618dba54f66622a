"""Steps that `run`, `init` and `worker` have in common: check the plan, prepare the study, run its workers."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from search.backend import choose_backend
from search.commands.options import find_data, parse_sets
from search.format import trial_label
from search.log import one_line
from search.space.space import check_shapes
from search.study.enqueue import describe_enqueued, enqueue_warm_starts
from search.study.leaderboard import median_value
from search.study.plan import Plan, load_plan, question
from search.study.study import OpenStudy, create_study
from search.study.warmstart import check_sizes
from search.supervisor.monitor import monitor_study
from search.supervisor.prometheus import StudyMetrics
from search.supervisor.supervisor import WorkerGroup, run_workers
from search.terminal.live import StudyDisplay
from search.terminal.summary import counts_line
from search.terminal.tables import leaderboard_table
from search.worker.contract import DONE, FAILURES
from storage.artifacts.store import artifacts_folder, open_artifacts
from storage.database.connection import Database
from storage.folders import check_writable, remove_unused_folders
from storage.settings import Settings
from storage.studies.leases import budget_left
from storage.studies.status import study_status
from storage.studies.study import get_budget, stop_reason
from trainer.data.dataset import open_dataset

BEST, REPORT = "best.toml", "report.html"  # in the run's folder


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
    click.echo(
        f"{len(dataset.train)} training and {len(dataset.validation)} validation images of {height}x{width}"
        + (f", {len(dataset.dropped)} corrupt ones dropped" if dataset.dropped else ""),
        err=True,
    )
    return question(plan, dataset.fingerprint, choose_backend(), deterministic)


def prepare_study(db: Database, plan: Plan, asked: dict[str, Any]) -> OpenStudy:
    """Creates or opens the plan's study, whose question is `asked`, and enqueues the plan's warm starts."""
    opened = create_study(db, plan, asked)
    for line in describe_enqueued(db, opened, enqueue_warm_starts(db, opened, plan.warm_starts)):
        click.echo(line, err=True)
    return opened


def run_study(db: Database, opened: OpenStudy, group: WorkerGroup, metrics: StudyMetrics) -> int:
    """Runs the workers below the live table, then prints the result; returns the exit status."""
    left = budget_left(db, opened.study_id)
    if left.free == left.running == 0:  # the workers would have nothing to do
        print_result(db, opened, group.settings, DONE)
        return DONE
    for slot in group.slots:
        click.echo(f"worker {slot.index}: {slot.device}", err=True)
    name = opened.study.study_name
    best = group.settings.dir / BEST
    with metrics.observing(db, opened.study_id, name), StudyDisplay(name, opened.plan.base.budget.epochs) as display:
        status = run_workers(db, group, monitor_study(db, opened, display, best))
    print_result(db, opened, group.settings, status)
    return status


def print_result(db: Database, opened: OpenStudy, settings: Settings, status: int) -> None:
    """Prints the best trials and what to do next; writes the report, unless the workers were interrupted.

    Args:
        status: the exit status of the workers.
    """
    best = settings.dir / BEST
    found = study_status(db, opened.study_id)
    click.echo(counts_line(found, get_budget(db, opened.study_id)))
    if found.best is not None:
        median = median_value(opened.study)
        label = trial_label(found.best.number, found.best.name)
        click.echo(f"best: trial {label}, validation mIoU {found.best.value:.4f} (median trial: {median:.4f})")
        Console(highlight=False).print(leaderboard_table(found.leaders))
        if best.is_file():
            click.echo(f"{best} holds it; train it again with: unet-search retrain {best} -o {best.parent / 'model'}")
        else:
            click.echo(f"{best} could not be written; write it elsewhere with: unet-search export -o FILE", err=True)
        if status in (DONE, FAILURES):  # otherwise a person waits for the command to end
            _write_report(db, opened, settings)
    reason = stop_reason(db, opened.study_id)
    if reason:
        click.echo(stopped_line(reason), err=True)
    elif status:
        click.echo("interrupted; the same command goes on where it stopped", err=True)


def stopped_line(reason: str) -> str:
    """The line about a study that was stopped, with what to do."""
    return f"the study is stopped: {reason}; go on with: unet-search resume"


def _write_report(db: Database, opened: OpenStudy, settings: Settings) -> None:
    """Writes the report into the run's folder. Failures are printed, not raised."""
    from search.report.page import write_report

    path = settings.dir / REPORT
    try:
        write_report(opened, db, open_artifacts(settings), path)
    except Exception as error:
        reason = f"{path} could not be written ({one_line(error)})"
        click.echo(f"{reason}; write it elsewhere with: unet-search report -o FILE", err=True)
    else:
        click.echo(f"{path} shows the search: open it in a browser")
