"""`unet-search status`, `stop`, `resume` and `export`: a study from outside."""

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from search.commands.options import as_json, load_settings, run_dir, study_name
from search.progress import best_line, counts_line, duration, seconds_left
from search.tables import leaderboard_table, running_table
from storage.database import open_database
from storage.study import STOP_NOW, find_study, get_budget, resume_study, stop_reason, stop_study
from storage.trials import StudyStatus, study_status
from trainer.errors import InputError

WATCH_S = 2.0


@click.command()
@study_name
@run_dir
@as_json
@click.option("--watch", is_flag=True, help="Again every two seconds, until Ctrl-C.")
def status(name: str | None, folder: Path | None, as_json: bool, watch: bool) -> None:
    """Trials by state, the best so far, the running ones, device-hours, time to go."""
    with open_database(load_settings(folder)) as db:
        study_id, found_name = find_study(db, name)
        while True:
            found, budget = study_status(db, study_id), get_budget(db, study_id)
            if as_json:
                click.echo(json.dumps(figures(found_name, found, budget)))
            else:
                if watch:
                    click.clear()  # does nothing where the output is no terminal
                show(found_name, found, budget, stop_reason(db, study_id))
            if not watch:
                return
            time.sleep(WATCH_S)


@click.command()
@study_name
@run_dir
@click.option("--now", is_flag=True, help="Hand the trials under way on within seconds, instead of finishing them.")
def stop(name: str | None, folder: Path | None, now: bool) -> None:
    """Let all workers of the study, on every host, finish their trial and stay away."""
    with open_database(load_settings(folder)) as db:
        study_id, found_name = find_study(db, name)
        stop_study(db, study_id, STOP_NOW if now else "asked for by `unet-search stop`")
        click.echo(f"study {found_name} starts no more trials; `unet-search resume` lets it go on")


@click.command()
@study_name
@run_dir
def resume(name: str | None, folder: Path | None) -> None:
    """Let a stopped study go on; its workers must be started again."""
    with open_database(load_settings(folder)) as db:
        study_id, found_name = find_study(db, name)
        resume_study(db, study_id)
        click.echo(f"study {found_name} may go on; start its workers with `unet-search run` or `worker`")


@click.command()
@study_name
@run_dir
@click.option("--trial", type=int, help="Its number.  [default: the best]")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="The TOML file.")
def export(name: str | None, folder: Path | None, trial: int | None, output: Path) -> None:
    """Write a trial's configuration, with where it came from, as a file that `retrain` reads."""
    from search.export import export_trial  # Optuna takes a second to import, and only this command needs it
    from search.study import open_study

    with open_database(load_settings(folder)) as db:
        try:
            found = export_trial(open_study(db, name), output, trial)
        except OSError as error:
            raise InputError(f"a file must be writable; got {output}: {error.strerror}; choose another") from None
        click.echo(f"trial {found.number}, validation mIoU {found.value:.4f}, is in {output}")


def figures(name: str, found: StudyStatus, budget: int) -> dict[str, Any]:
    """What `--json` prints; scripts rely on the keys."""
    best = found.best
    return {
        "study": name,
        "budget": budget,
        "trials": asdict(found.counts),
        "best": None
        if best is None
        else {
            "number": best.number,
            "name": best.name,
            "miou": best.value,
            "miou_keras": best.user_attrs.get("miou_keras"),
            "iou": best.user_attrs.get("iou"),
        },
        "running": [
            {
                "number": trial.number,
                "name": trial.name,
                "worker": trial.worker,
                "epoch": trial.epoch,
                "miou": trial.value,
            }
            for trial in found.running
        ],
        "leaderboard": [
            {
                "number": trial.number,
                "name": trial.name,
                "miou": trial.value,
                "miou_keras": trial.user_attrs.get("miou_keras"),
                "parameters": trial.user_attrs.get("parameters"),
            }
            for trial in found.leaders
        ],
        "device_hours": found.device_s / 3600,
        "seconds_left": seconds_left(found, budget),
    }


def show(name: str, found: StudyStatus, budget: int, reason: str | None) -> None:
    """The same for people."""
    from rich.console import Console

    left = seconds_left(found, budget)
    console = Console(highlight=False)
    console.print(f"[bold]{name}[/]  {counts_line(found, budget)}")
    console.print(best_line(found), markup=False)
    console.print(
        f"{found.device_s / 3600:.2f} device-hours, to go {'unknown' if left is None else duration(left)}"
        + (f"; stopped: {reason}" if reason else "")
    )
    if found.running:
        console.print(running_table(found.running, None))
    if found.leaders:
        console.print(leaderboard_table(found.leaders))
