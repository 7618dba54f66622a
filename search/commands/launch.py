"""What `run`, `init` and `worker` have in common: the plan is checked, the study prepared, the crew at work."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from search.backend import choose_backend
from search.commands.options import find_data, parse_sets
from search.format import label
from search.log import one_line
from search.space.space import check_shapes
from search.study.enqueue import enqueue_starts, enqueued_lines
from search.study.leaderboard import median_value
from search.study.plan import Plan, load_plan, question
from search.study.study import OpenStudy, create_study
from search.study.warmstart import check_sizes
from search.supervisor.monitor import monitor_study
from search.supervisor.prometheus import StudyMetrics
from search.supervisor.supervisor import Crew, run_workers
from search.terminal.live import Progress
from search.terminal.summary import counts_line
from search.terminal.tables import leaderboard_table
from search.worker.contract import DONE, FAILURES
from storage.artifacts.store import artifacts_folder, open_artifacts
from storage.database.connection import Database
from storage.folders import check_writable, without_empty_folders
from storage.settings import Settings
from storage.studies.leases import budget_left
from storage.studies.status import study_status
from storage.studies.study import get_budget, stop_reason
from trainer.data.dataset import open_dataset

BEST, REPORT = "best.toml", "report.html"  # in the run's folder


@contextmanager
def writable(settings: Settings) -> Iterator[None]:
    """Checks the folders that workers write into, before anything starts; a refused command leaves none behind."""
    with without_empty_folders(settings.dir), without_empty_folders(artifacts_folder(settings)):
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
    """The plan of the command line; on the generated sample where neither it nor the file names data."""
    study = {"trials": trials, "timeout_s": timeout_s, "name": name}
    values = parse_sets(sets)
    plan = load_plan(file, values, data, study, warm_start)
    return plan if plan.base.data.path else load_plan(file, values, find_data(None, settings), study, warm_start)


def ask(plan: Plan, deterministic: bool) -> dict[str, Any]:
    """The study's question; reads and checks the data, and that the networks of space and starts suit them."""
    dataset = open_dataset(plan.base.data)
    height, width = dataset.images.shape[1:3]
    check_shapes(plan.space, plan.base, height, width)
    check_sizes(plan.starts, height, width)
    click.echo(
        f"{len(dataset.train)} training and {len(dataset.validation)} validation images of {height}x{width}"
        + (f", {len(dataset.dropped)} corrupt ones dropped" if dataset.dropped else ""),
        err=True,
    )
    return question(plan, dataset.fingerprint, choose_backend(), deterministic)


def prepare_study(db: Database, plan: Plan, asked: dict[str, Any]) -> OpenStudy:
    """The plan's study, made or opened, with the plan's starts in it."""
    opened = create_study(db, plan, asked)
    for line in enqueued_lines(db, opened, enqueue_starts(db, opened, plan.starts)):
        click.echo(line, err=True)
    return opened


def run_crew(db: Database, opened: OpenStudy, crew: Crew, metrics: StudyMetrics) -> int:
    """Runs the workers under the live table, then says what was found; gives the exit status."""
    left = budget_left(db, opened.study_id)
    if left.free == left.running == 0:  # no worker need be started to find that out
        conclude(db, opened, crew.settings, 0)
        return 0
    for slot in crew.slots:
        click.echo(f"worker {slot.index}: {slot.device}", err=True)
    name = opened.study.study_name
    best = crew.settings.dir / BEST
    with metrics.following(db, opened.study_id, name), Progress(name, opened.plan.base.budget.epochs) as progress:
        status = run_workers(db, crew, monitor_study(db, opened, progress, best))
    conclude(db, opened, crew.settings, status)
    return status


def conclude(db: Database, opened: OpenStudy, settings: Settings, status: int) -> None:
    """The last lines: the best trials, and what to do next; and the report."""
    best = settings.dir / BEST
    found = study_status(db, opened.study_id)
    click.echo(counts_line(found, get_budget(db, opened.study_id)))
    if found.best is not None:
        median = median_value(opened.study)
        called = label(found.best.number, found.best.name)
        click.echo(f"best: trial {called}, validation mIoU {found.best.value:.4f} (median trial: {median:.4f})")
        Console(highlight=False).print(leaderboard_table(found.leaders))
        if best.is_file():
            click.echo(f"{best} holds it; train it again with: unet-search retrain {best} -o {best.parent / 'model'}")
        else:
            click.echo(f"{best} could not be written; write it elsewhere with: unet-search export -o FILE", err=True)
        if status in (DONE, FAILURES):  # whoever ended it does not wait for a page
            _report(db, opened, settings)
    reason = stop_reason(db, opened.study_id)
    if reason:
        click.echo(stopped_line(reason), err=True)
    elif status:
        click.echo("interrupted; the same command goes on where it stopped", err=True)


def stopped_line(reason: str) -> str:
    """What is said of a study that was stopped, and what to do."""
    return f"the study is stopped: {reason}; go on with: unet-search resume"


def _report(db: Database, opened: OpenStudy, settings: Settings) -> None:
    """Writes the report beside the best trial; its failure costs no search."""
    from search.report.page import write_report

    path = settings.dir / REPORT
    try:
        write_report(opened, db, open_artifacts(settings), path)
    except Exception as error:
        reason = f"{path} could not be written ({one_line(error)})"
        click.echo(f"{reason}; write it elsewhere with: unet-search report -o FILE", err=True)
    else:
        click.echo(f"{path} shows the search: open it in a browser")
