"""`unet-search confirm`: trains a study's best trials again, with other seeds, and ranks them by what that gives."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from search.commands.launch import check_folders
from search.commands.options import (
    device_option,
    dir_option,
    find_location,
    images_option,
    json_option,
    load_settings,
    local_data_option,
    masks_option,
    study_option,
)
from search.commands.run import trainer_option
from search.confirm.candidates import pick_candidates
from search.confirm.rank import Standing, rank
from search.confirm.repeats import read_repeats
from search.confirm.sibling import enqueue_repeat, open_sibling
from search.format import format_score
from search.study.confirmed import Confirmed, number_to_export, write_confirmed
from search.study.scoring import scoring_of
from search.study.study import OpenStudy, open_study
from search.study.ties import describe_chance, format_interval
from search.supervisor.devices import DeviceChoice, DeviceSlot, list_device_slots
from search.supervisor.monitor import monitor_study
from search.supervisor.run_folder import write_best
from search.supervisor.supervisor import WorkerGroup, run_workers
from search.terminal.live import StudyDisplay
from search.terminal.plain import plain_console, say
from search.terminal.tables import plain_table
from search.worker.contract import DONE
from storage.artifacts.store import open_artifacts
from storage.database.connection import Database, open_database
from storage.settings import Settings
from storage.studies.leases import budget_left
from trainer.data.dataset import class_names

MOST = 100  # candidates, seeds or folds


@click.command()
@study_option
@local_data_option
@images_option
@masks_option
@click.option("--top", type=click.IntRange(1, MOST), default=5, show_default=True, help="How many of the best trials.")
@click.option("--seeds", type=click.IntRange(1, MOST), default=3, show_default=True, help="Trainings of each, at most.")
@click.option("--folds", type=click.IntRange(1, MOST), default=1, show_default=True, help="Each seed on so many folds.")
@click.option("--workers", type=int, help="Worker processes.  [default: as of run]")
@dir_option
@device_option
@json_option
@trainer_option
def confirm(
    *,
    name: str | None,
    data: Path | None,
    images: Path | None,
    masks: Path | None,
    top: int,
    seeds: int,
    folds: int,
    workers: int | None,
    folder: Path | None,
    device: DeviceChoice,
    as_json: bool,
    trainer: str,
) -> None:
    """Train the best trials, and the default, again with other seeds: the best of many is a little lucky.

    They are trials of a study of their own, NAME.confirm, which workers of any host may join. A trial that is behind
    after two seeds is given up. The same command goes on where it stopped. `export` then takes the confirmed trial.
    """
    settings = load_settings(folder)
    slots = list_device_slots(workers, device)
    path = find_location(data, images, masks)
    with check_folders(settings), open_database(settings, workers=len(slots)) as db:
        opened = open_study(db, name, path)
        candidates = pick_candidates(db, opened, top)
        sibling = open_sibling(db, opened)
        standings: list[Standing] = []
        for repeat in range(seeds):
            out = {one.candidate for one in standings if one.is_out}
            alive = [candidate for candidate in candidates if candidate.number not in out]
            if len(alive) == 1 and standings:
                break  # more would not change which is the best
            enqueue_repeat(db, sibling, alive, repeat, folds)
            status = _train(db, sibling, settings, slots, path, trainer)
            if status != DONE:
                sys.exit(status)
            standings = _rank(sibling, opened, settings, folds)
        confirmed = _keep(opened, settings, standings, folds)
    if as_json:
        click.echo(json.dumps(_as_json(opened, standings, confirmed)))
    else:
        _print(opened, standings, {candidate.number: candidate.value for candidate in candidates})


def _train(
    db: Database, sibling: OpenStudy, settings: Settings, slots: tuple[DeviceSlot, ...], path: str | None, trainer: str
) -> int:
    """Has workers train what waits; returns their exit status."""
    left = budget_left(db, sibling.study_id)
    if left.free == left.running == 0:
        return DONE
    name = sibling.study.study_name
    group = WorkerGroup(name, settings, slots, path, bool(sibling.question["deterministic"]), trainer=trainer)
    console = Console(stderr=True, highlight=False, markup=False, emoji=False)  # what is found alone is printed
    with StudyDisplay(name, sibling.plan.base.budget.epochs, console) as display:
        return run_workers(db, group, monitor_study(db, sibling, display, None))


def _rank(sibling: OpenStudy, opened: OpenStudy, settings: Settings, folds: int) -> list[Standing]:
    base = opened.plan.base
    return rank(read_repeats(sibling, open_artifacts(settings)), folds, scoring_of(base), class_names(base.data))


def _keep(opened: OpenStudy, settings: Settings, standings: list[Standing], folds: int) -> Confirmed | None:
    """Keeps the best one with the searched study, and in the run's `best.toml`."""
    if not standings:
        return None
    best = standings[0]
    tied = tuple(one.candidate for one in standings[1:] if not one.is_out)
    confirmed = Confirmed(best.candidate, best.value, best.interval, len(best.values), folds, tied)
    write_confirmed(opened.study, confirmed)
    write_best(opened, settings.dir, number_to_export(opened.study, best.candidate))
    return confirmed


def _as_json(opened: OpenStudy, standings: list[Standing], confirmed: Confirmed | None) -> dict[str, Any]:
    rows = [asdict(one) | {"out": one.is_out} for one in standings]
    return {
        "study": opened.study.study_name,
        "confirmed": None if confirmed is None else asdict(confirmed),
        "standings": rows,
    }


def _print(opened: OpenStudy, standings: list[Standing], searched: dict[int, float]) -> None:
    label = scoring_of(opened.plan.base).label
    table = plain_table("rank", "trial", f"{label}, mean", "95 % interval", "beside the best", "seeds", "in the search")
    for place, one in enumerate(standings, 1):
        table.add_row(
            str(place),
            str(one.candidate),
            format_score(one.value),
            format_interval(one.interval),
            describe_chance(one.chance) if place > 1 else "",
            str(len(one.values)),
            format_score(searched.get(one.candidate)),
        )
    plain_console().print(table)
    if not standings:
        say("no training has ended with a value")
        return
    tied = [str(one.candidate) for one in standings[1:] if not one.is_out]
    says = f"; trial{'s' if len(tied) > 1 else ''} {', '.join(tied)} may be as good" if tied else ""
    say(f"confirmed: trial {standings[0].candidate}{says}")
