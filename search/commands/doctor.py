"""`unet-search doctor`: whether a search can work here."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

from search.commands.options import as_json, device, load_settings, parse_sets, run_dir, sets, study_name
from search.doctor.check import Check
from search.doctor.examine import Asked, examine
from search.supervisor.devices import Choice

BROKEN = 2  # exit status where a search could not work
COLOURS = {"ok": "green", "warning": "yellow", "problem": "red"}


@click.command()
@click.option("--data", type=click.Path(path_type=Path), help="Read these data.  [default: the study's]")
@study_name
@sets
@click.option("--workers", type=int, help="Worker processes of the search.  [default: one a GPU, else one a core]")
@device
@run_dir
@as_json
def doctor(
    *,
    data: Path | None,
    name: str | None,
    sets: tuple[str, ...],
    workers: int | None,
    device: Choice,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Check this machine, the database and the data before a search; a line a check.

    Exit status 2 where something is broken that a search needs.
    """
    found: list[Check] = []
    for check in examine(Asked(load_settings(folder), data, parse_sets(sets), name, workers, device)):
        found.append(check)
        if not as_json:
            show(check)
    broken = any(check.state == "problem" for check in found)
    if as_json:
        click.echo(json.dumps({"ok": not broken, "checks": [asdict(check) for check in found]}))
    sys.exit(BROKEN if broken else 0)


def show(check: Check) -> None:
    """One line for people, coloured on a terminal."""
    click.echo(f"{click.style(f'{check.state:8}', fg=COLOURS[check.state])} {check.name:12} {check.text}")
