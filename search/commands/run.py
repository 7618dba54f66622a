"""`unet-search run`, `init` and `worker`: start or join a search."""

import sys
from pathlib import Path
from typing import Any

import click

from search.backend import choose_backend
from search.commands.launch import (
    borrow_study_data,
    bring_study_data,
    check_database,
    check_folders,
    make_plan,
    make_question,
    prepare_study,
    run_study,
    share_gpus,
)
from search.commands.options import (
    combine_options,
    data_option,
    deterministic_option,
    device_option,
    dir_option,
    find_location,
    images_option,
    load_settings,
    local_data_option,
    masks_option,
    metrics_options,
    study_option,
)
from search.commands.result import stopped_line
from search.commands.slots import AUTO, PerGpu, check_cluster_options, cluster_options, find_slots, parse_per_gpu
from search.sharing.share import offer_data
from search.study.location import get_location
from search.study.question import check_question
from search.study.study import open_study
from search.supervisor.devices import DeviceChoice, list_gpus
from search.supervisor.prometheus import serve_metrics
from search.supervisor.supervisor import WorkerGroup
from search.terminal.plain import say
from search.worker.contract import DEFAULT_TRAINER
from storage.database.connection import open_database
from storage.studies.study import get_budget, stop_reason

plan_options = combine_options(
    click.argument("file", metavar="[SEARCH.TOML]", required=False, type=click.Path(path_type=Path)),
    data_option,
    images_option,
    masks_option,
    click.option(
        "--trials",
        type=int,
        envvar="UNET_SEARCH_TRIALS",
        help="Trials in all; more than before extends a finished study.",
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
        "--warm-start",
        multiple=True,
        metavar="SOURCE",
        help='Tried first: "report" (its four systems), a preset or a file.  [beside those of SEARCH.TOML]',
    ),
    click.option(
        "--study",
        "name",
        envvar="UNET_SEARCH_STUDY",
        help="The study's name.  [default: as in SEARCH.TOML, else unet]",
    ),
    click.option(
        "--space",
        type=click.Choice(["auto", "cpu", "gpu"]),
        default="auto",
        envvar="UNET_SEARCH_SPACE",
        help="The device that the default space suits.  [default: that of this host]",
    ),
    dir_option,
    deterministic_option,
)
worker_options = combine_options(
    click.option(
        "--workers",
        type=int,
        envvar="UNET_SEARCH_WORKERS",
        help="Worker processes.  [default: one a GPU, else one a core]",
    ),
    click.option(
        "--workers-per-gpu",
        "per_gpu",
        callback=parse_per_gpu,
        metavar=f"N|{AUTO}",
        default="1",
        envvar="UNET_SEARCH_WORKERS_PER_GPU",
        help=f"Worker processes that share a GPU and its memory; {AUTO}: as many as fit, measured.  [default: 1]",
    ),
)
share_option = click.option(
    "--share-data/--no-share-data",
    "share",
    default=None,
    envvar="UNET_SEARCH_SHARE_DATA",
    help="Put a copy of the data into the artifact store, for hosts without them.  [default: where it is a bucket and "
    "DATABASE_URL is set]",
)
trainer_option = click.option("--trainer", default=DEFAULT_TRAINER, hidden=True)  # for tests, which have their own


@click.command()
@plan_options
@worker_options
@click.option("--timeout", type=float, metavar="SECONDS", help="Stop after so long; the same command goes on.")
@click.option("--confirm", is_flag=True, help="At the end train the best trials again, as `unet-search confirm` does.")
@share_option
@device_option
@cluster_options
@metrics_options
@trainer_option
def run(
    *,
    workers: int | None,
    per_gpu: PerGpu,
    timeout: float | None,
    confirm: bool,
    share: bool | None,
    device: DeviceChoice,
    on: str | None,
    address: str | None,
    metrics_port: int | None,
    metrics_host: str,
    trainer: str,
    folder: Path | None,
    deterministic: bool,
    **planned: Any,
) -> None:
    """Search on this machine: the main job. The same command goes on with a search that was stopped.

    Without SEARCH.TOML the default space is searched, without --data on a generated sample, and without DATABASE_URL
    in a PostgreSQL server of its own in the run's folder.
    """
    settings = load_settings(folder)
    found = find_slots(settings, workers, per_gpu, device, deterministic, on, address)
    plan = make_plan(settings, gpu=found.has_gpu, timeout_s=timeout, **planned)
    choose_backend()  # what can be checked before the data are decoded, which may take minutes
    check_database(settings, len(found.slots))
    with check_folders(settings):
        plan = borrow_study_data(settings, plan, planned)
        plan, question = make_question(settings, plan, deterministic, found.has_gpu)
        slots = found.slots
        if found.is_measured:
            slots = share_gpus(slots, plan, settings, device, deterministic)
        with (
            serve_metrics(metrics_port, metrics_host) as metrics,
            open_database(settings, create=True, workers=len(slots)) as db,
        ):
            offer = offer_data(plan.base.data, settings, share)
            opened = prepare_study(db, plan, question, planned["trials"], offer)
            limit_s = plan.study.timeout_s
            group = WorkerGroup(
                plan.study.name, settings, slots, None, deterministic, limit_s, trainer, cluster=found.cluster
            )
            sys.exit(run_study(db, opened, group, metrics, confirm))


@click.command()
@plan_options
@share_option
def init(*, share: bool | None, folder: Path | None, deterministic: bool, **planned: Any) -> None:
    """Create the database objects and the study, once; workers join it with `unet-search worker`."""
    settings = load_settings(folder)
    has_gpu = bool(list_gpus())
    plan = make_plan(settings, gpu=has_gpu, **planned)
    choose_backend()
    check_database(settings, 0)
    with check_folders(settings):
        plan = borrow_study_data(settings, plan, planned)
        plan, question = make_question(settings, plan, deterministic, has_gpu)
        with open_database(settings, create=True) as db:
            offer = offer_data(plan.base.data, settings, share)
            opened = prepare_study(db, plan, question, planned["trials"], offer)
            trials = get_budget(db, opened.study_id)
        say(f"study {opened.study.study_name} with {trials} trials is ready in {db.masked_url}")


@click.command()
@study_option
@local_data_option
@images_option
@masks_option
@worker_options
@dir_option
@device_option
@cluster_options
@metrics_options
@trainer_option
def worker(
    *,
    name: str | None,
    data: Path | None,
    images: Path | None,
    masks: Path | None,
    workers: int | None,
    per_gpu: PerGpu,
    folder: Path | None,
    device: DeviceChoice,
    on: str | None,
    address: str | None,
    metrics_port: int | None,
    metrics_host: str,
    trainer: str,
) -> None:
    """Join the study of DATABASE_URL with one process per device slot; a stopped study has no work for it."""
    settings = load_settings(folder)
    check_cluster_options(settings, on, address)
    path = find_location(data, images, masks)
    with check_folders(settings), serve_metrics(metrics_port, metrics_host) as metrics, open_database(settings) as db:
        opened = open_study(db, name, path)
        if reason := stop_reason(db, opened.study_id):
            say(stopped_line(settings, opened.study.study_name, reason), err=True)
            return
        if path is None:
            opened = bring_study_data(opened, settings)
        deterministic = bool(opened.question["deterministic"])
        plan, question = make_question(settings, opened.plan, deterministic)
        check_question(db, opened.study_id, question)  # raises an error here, not in each worker
        found = find_slots(settings, workers, per_gpu, device, deterministic, on, address)
        slots = found.slots
        if found.is_measured:
            slots = share_gpus(slots, plan, settings, device, deterministic)
        place = path if found.cluster else get_location(plan.base.data)  # nodes of a cluster find the data themselves
        group = WorkerGroup(
            opened.study.study_name, settings, slots, place, deterministic, trainer=trainer, cluster=found.cluster
        )
        sys.exit(run_study(db, opened, group, metrics))
