"""`unet-search confirm`: trains a study's best trials again, with other seeds, and ranks them by what that gives."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

from search.backend import prepare_backend
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
from search.commands.result import print_confirmation
from search.commands.run import trainer_option
from search.confirming import Conclusion, Extent, confirm_study, fetch_networks
from search.study.export import find_trial, trial_config
from search.study.scoring import scoring_of
from search.study.study import OpenStudy, open_study
from search.supervisor.devices import DeviceChoice, list_device_slots
from search.supervisor.supervisor import WorkerGroup
from search.terminal.plain import say
from search.terminal.training import ensemble_lines
from search.training import Task, combine_results
from search.worker.contract import DONE
from storage.artifacts.store import open_artifacts
from storage.database.connection import Database, open_database
from storage.settings import Settings

MOST = 100  # candidates, seeds or folds


@click.command()
@study_option
@local_data_option
@images_option
@masks_option
@click.option("--top", type=click.IntRange(1, MOST), default=5, show_default=True, help="How many of the best trials.")
@click.option("--seeds", type=click.IntRange(1, MOST), default=3, show_default=True, help="Trainings of each, at most.")
@click.option("--folds", type=click.IntRange(1, MOST), default=1, show_default=True, help="Each seed on so many folds.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Gets an ensemble of the best one's networks.")
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
    output: Path | None,
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
        group = WorkerGroup(opened.study.study_name, settings, slots, path, trainer=trainer)
        found = confirm_study(db, opened, group, Extent(top, seeds, folds))
        if found.status != DONE:
            sys.exit(found.status)
        if as_json and not found.is_unfinished:
            click.echo(json.dumps(_as_json(opened, found)))
        else:
            print_confirmation(opened, found)
        if output is not None and found.confirmed is not None:
            _write_ensemble(db, opened, found, settings, output, device)


def _write_ensemble(
    db: Database, opened: OpenStudy, found: Conclusion, settings: Settings, output: Path, device: DeviceChoice
) -> None:
    """Writes the best ensemble of the confirmed trial's networks as a result; of folds, all together."""
    confirmed = found.confirmed
    assert confirmed is not None
    members = fetch_networks(db, opened, confirmed, open_artifacts(settings), output)
    prepare_backend(device, False)
    config = trial_config(opened, find_trial(opened.study, confirmed.trial))
    task = Task(config, output, settings, device, opened.question["data.fingerprint"])
    for line in ensemble_lines(scoring_of(config), combine_results(task, members, select=confirmed.folds == 1)):
        say(line, err=True)


def _as_json(opened: OpenStudy, found: Conclusion) -> dict[str, object]:
    return {
        "study": opened.study.study_name,
        "confirmed": None if found.confirmed is None else asdict(found.confirmed),
        "standings": [asdict(one) | {"out": one.is_out} for one in found.standings],
    }
