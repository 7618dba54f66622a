"""`unet-search doctor`: checks whether a search can run here."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

from search.commands.options import (
    device_option,
    dir_option,
    json_option,
    load_settings,
    parse_sets,
    set_option,
    study_option,
)
from search.doctor.check import Check
from search.doctor.examine import SearchOptions, examine
from search.supervisor.devices import DeviceChoice
from trainer.errors import printable

PROBLEM_FOUND = 2  # exit status where a search could not run
COLOURS = {"ok": "green", "warning": "yellow", "problem": "red"}


@click.command()
@click.option("--data", type=click.Path(path_type=Path), help="Read these data.  [default: the study's]")
@study_option
@set_option
@click.option("--workers", type=int, help="Worker processes of the search.  [default: one a GPU, else one a core]")
@device_option
@dir_option
@json_option
def doctor(
    *,
    data: Path | None,
    name: str | None,
    sets: tuple[str, ...],
    workers: int | None,
    device: DeviceChoice,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Check this machine, the database and the data before a search; a line a check.

    Exit status 2 where something is broken that a search needs.
    """
    found: list[Check] = []
    for check in examine(SearchOptions(load_settings(folder), data, parse_sets(sets), name, workers, device)):
        found.append(check)
        if not as_json:
            print_check(check)
    has_problem = any(check.state == "problem" for check in found)
    if as_json:
        click.echo(json.dumps({"ok": not has_problem, "checks": [asdict(check) for check in found]}))
    sys.exit(PROBLEM_FOUND if has_problem else 0)


def print_check(check: Check) -> None:
    """Prints one line for people, coloured on a terminal."""
    click.echo(f"{click.style(f'{check.state:8}', fg=COLOURS[check.state])} {check.name:12} {printable(check.text)}")
