"""`unet-search status`: the state of a study, from the database."""

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from sqlalchemy.exc import SQLAlchemyError

from search.commands.options import dir_option, json_option, load_settings, study_option
from search.format import format_duration
from search.study.confirmed import describe_confirmed, parse_confirmed
from search.study.scoring import read_scoring
from search.study.ties import chance_to_beat
from search.terminal.plain import cell, plain_console, say
from search.terminal.summary import best_line, counts_line, seconds_left, unfound_line
from storage.database.connection import Database, open_database
from storage.studies.status import StudyStatus, study_status
from storage.studies.study import find_study, get_budget, stop_reason

WATCH_S = 2.0


@click.command()
@study_option
@dir_option
@json_option
@click.option("--watch", is_flag=True, help="Again every two seconds, until Ctrl-C.")
def status(name: str | None, folder: Path | None, as_json: bool, watch: bool) -> None:
    """Trials by state, the best so far, the running ones, device-hours, time to go."""
    with open_database(load_settings(folder)) as db:
        study_id, found_name = find_study(db, name)
        while True:
            try:
                show_status(db, study_id, found_name, as_json, watch)
            except SQLAlchemyError as error:
                if not watch:
                    raise
                from search.log import one_line  # imports Optuna

                cause = one_line(getattr(error, "orig", None) or error)
                say(f"the database does not answer and is asked again, until Ctrl-C: {cause}", err=True)
            if not watch:
                return
            time.sleep(WATCH_S)


def show_status(db: Database, study_id: int, name: str, as_json: bool, clear: bool) -> None:
    """Prints the study's state as it is now, on a terminal instead of what stands there where `clear` is true."""
    found, budget = study_status(db, study_id), get_budget(db, study_id)
    if as_json:
        click.echo(json.dumps(status_as_json(name, found, budget)))
        return
    end = describe_end(db, study_id, name, found, budget)
    if clear:
        click.clear()  # does nothing where the output is not a terminal
    print_status(name, found, budget, end)


def describe_end(db: Database, study_id: int, name: str, found: StudyStatus, budget: int) -> str | None:
    """Why the study goes on no more below its budget; None while it may."""
    if reason := stop_reason(db, study_id):
        return f"stopped: {reason}"
    counts = found.counts
    if counts.complete + counts.pruned >= budget or counts.running or counts.waiting:
        return None
    from search.study.space_left import exhausted_line  # Optuna takes a second to import
    from search.study.study import open_study

    return exhausted_line(db, open_study(db, name))


def status_as_json(name: str, found: StudyStatus, budget: int) -> dict[str, Any]:
    """The object that `--json` prints; scripts rely on its keys."""
    best, scoring, confirmed = found.best, read_scoring(found.question), parse_confirmed(found.confirmed)
    return {
        "study": name,
        "budget": budget,
        "trials": asdict(found.counts),
        "best": None
        if best is None
        else {
            "number": best.number,
            "name": best.name,
            "metric": scoring.metric,
            "value": best.value,
            "interval": best.attributes.interval,
            "miou": best.miou,
            "miou_keras": best.attributes.miou_keras,
            "iou": list(best.attributes.iou) or None,
            "never_found": scoring.unfound(best.attributes.iou, best.attributes.names),
        },
        "running": [
            {
                "number": trial.number,
                "name": trial.name,
                "worker": trial.worker,
                "epoch": trial.epoch,
                "value": trial.value,
                "miou": trial.value if scoring.metric == "miou" else None,  # what no trial reports, nobody knows
            }
            for trial in found.running
        ],
        "leaderboard": [
            {
                "number": trial.number,
                "name": trial.name,
                "value": trial.value,
                "interval": trial.attributes.interval,
                "chance_to_beat_best": None
                if trial is best
                else chance_to_beat(trial.resampled, found.leaders[0].resampled),
                "miou": trial.miou,
                "miou_keras": trial.attributes.miou_keras,
                "parameters": trial.attributes.parameters,
                "memory_mib": trial.attributes.memory_mib,
                "ms_per_image": trial.attributes.ms_per_image,
                "ms_per_image_batched": trial.attributes.ms_per_image_batched,
            }
            for trial in found.leaders
        ],
        "confirmed": None if confirmed is None else asdict(confirmed),
        "device_hours": found.device_s / 3600,
        "seconds_left": seconds_left(found, budget),
    }


def print_status(name: str, found: StudyStatus, budget: int, end: str | None) -> None:
    """Prints a status for people; `end` is why the study goes on no more, if it does not."""
    from search.terminal.tables import leaderboard_table, running_table  # imports rich, for which no script waits

    left_s, scoring = seconds_left(found, budget), read_scoring(found.question)
    to_go = "unknown" if left_s is None else format_duration(left_s)
    console = plain_console()
    console.print(cell(name, "bold"), f" {counts_line(found, budget)}")
    console.print(cell(best_line(found)))
    if (confirmed := parse_confirmed(found.confirmed)) is not None:
        console.print(cell(f"confirmed: {describe_confirmed(confirmed, scoring.label)}"))
    if warning := unfound_line(found):
        console.print(cell(warning))
    console.print(cell(f"{found.device_s / 3600:.2f} device-hours, to go {to_go}" + (f"; {end}" if end else "")))
    if found.running:
        console.print(running_table(found.running, None, scoring.label))
    if found.leaders:
        console.print(leaderboard_table(found.leaders, scoring))
