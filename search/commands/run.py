"""`unet-search run`, `init` and `worker`: the search itself."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from search.commands.launch import ask, make_plan, prepare_study, run_crew, stopped_line, writable
from search.commands.options import (
    data_path,
    deterministic,
    device,
    load_settings,
    metrics_options,
    run_dir,
    study_name,
)
from search.study.study import open_study
from search.supervisor.devices import Choice, list_device_slots
from search.supervisor.prometheus import serve_metrics
from search.supervisor.supervisor import Crew
from search.worker.contract import DEFAULT_TRAINER
from storage.database.connection import open_database
from storage.studies.study import freeze_question, get_budget, stop_reason


def describes_search(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say what is searched."""
    for option in (
        deterministic,
        run_dir,
        click.option(
            "--study",
            "name",
            envvar="UNET_SEARCH_STUDY",
            help="The study's name.  [default: as in SEARCH.TOML, else unet]",
        ),
        click.option(
            "--warm-start",
            multiple=True,
            metavar="SOURCE",
            help='Tried first: "report" (its four systems), a preset or a file.  [beside those of SEARCH.TOML]',
        ),
        click.option(
            "--set",
            "sets",
            multiple=True,
            envvar="UNET_SEARCH_SET",
            metavar="PATH=VALUE",
            help="A value of the configuration, the same for all trials.",
        ),
        click.option(
            "--trials",
            type=int,
            envvar="UNET_SEARCH_TRIALS",
            help="Trials in all; more than before extends a finished study.",
        ),
        data_path,
        click.argument("file", metavar="[SEARCH.TOML]", required=False, type=click.Path(path_type=Path)),
    ):
        command = option(command)
    return command


workers_option = click.option(
    "--workers", type=int, envvar="UNET_SEARCH_WORKERS", help="Worker processes.  [default: one a GPU, else one a core]"
)
per_gpu_option = click.option(
    "--workers-per-gpu",
    "per_gpu",
    type=click.IntRange(1),
    default=1,
    envvar="UNET_SEARCH_WORKERS_PER_GPU",
    help="Worker processes that share a GPU and its memory.  [default: 1]",
)
trainer_option = click.option("--trainer", default=DEFAULT_TRAINER, hidden=True)  # tests bring one of their own


@click.command()
@describes_search
@workers_option
@per_gpu_option
@click.option("--timeout", type=float, metavar="SECONDS", help="Stop after so long; the same command goes on.")
@device
@metrics_options
@trainer_option
def run(
    *,
    workers: int | None,
    per_gpu: int,
    timeout: float | None,
    device: Choice,
    metrics_port: int | None,
    metrics_host: str,
    trainer: str,
    folder: Path | None,
    deterministic: bool,
    **described: Any,
) -> None:
    """Search on this machine: the main job. The same command goes on with a search that was stopped.

    Without SEARCH.TOML the default space is searched, without --data on a generated sample, and without DATABASE_URL
    in a PostgreSQL server of its own in the run's folder.
    """
    settings = load_settings(folder)
    plan = make_plan(settings, timeout_s=timeout, **described)
    asked = ask(plan, deterministic)
    slots = list_device_slots(workers, device, deterministic, per_gpu)
    with (
        writable(settings),
        serve_metrics(metrics_port, metrics_host) as metrics,
        open_database(settings, create=True) as db,
    ):
        opened = prepare_study(db, plan, asked)
        limit = plan.study.timeout_s
        crew = Crew(plan.study.name, settings, slots, None, deterministic, limit, trainer)
        sys.exit(run_crew(db, opened, crew, metrics))


@click.command()
@describes_search
def init(*, folder: Path | None, deterministic: bool, **described: Any) -> None:
    """Create the database objects and the study, once; workers join it with `unet-search worker`."""
    settings = load_settings(folder)
    plan = make_plan(settings, **described)
    asked = ask(plan, deterministic)
    with writable(settings), open_database(settings, create=True) as db:
        opened = prepare_study(db, plan, asked)
        trials = get_budget(db, opened.study_id)
        click.echo(f"study {opened.study.study_name} with {trials} trials is ready in {db.masked_url}")


@click.command()
@study_name
@click.option(
    "--data", type=click.Path(path_type=Path), help="Where the data lie on this host.  [default: as recorded]"
)
@workers_option
@per_gpu_option
@run_dir
@device
@metrics_options
@trainer_option
def worker(
    *,
    name: str | None,
    data: Path | None,
    workers: int | None,
    per_gpu: int,
    folder: Path | None,
    device: Choice,
    metrics_port: int | None,
    metrics_host: str,
    trainer: str,
) -> None:
    """Join the study of DATABASE_URL with one process per device slot; a stopped study has no work for it."""
    settings = load_settings(folder)
    path = None if data is None else str(data.expanduser().resolve())
    with writable(settings), serve_metrics(metrics_port, metrics_host) as metrics, open_database(settings) as db:
        opened = open_study(db, name, path)
        if reason := stop_reason(db, opened.study_id):
            click.echo(stopped_line(reason), err=True)
            return
        deterministic = bool(opened.question["deterministic"])
        freeze_question(db, opened.study_id, ask(opened.plan, deterministic))  # refused here, not by each worker
        slots = list_device_slots(workers, device, deterministic, per_gpu)
        crew = Crew(opened.study.study_name, settings, slots, path, deterministic, trainer=trainer)
        sys.exit(run_crew(db, opened, crew, metrics))
