"""`unet-search study`: lists the studies of a database, and deletes one."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from search.commands.options import dir_option, json_option, load_settings
from search.terminal.plain import plain_console, say
from search.terminal.tables import studies_table
from storage.artifacts.store import find_artifacts
from storage.database.connection import open_database
from storage.studies.catalogue import ListedStudy, delete_study, list_studies
from storage.studies.study import find_study
from trainer.errors import InputError, printable


@click.group()
def study() -> None:
    """The studies of the database."""


@study.command("list")
@dir_option
@json_option
def list_all(folder: Path | None, as_json: bool) -> None:
    """Trials by state, the best one, age and size of every study."""
    settings = load_settings(folder)
    artifacts = find_artifacts(settings)
    with open_database(settings) as db:
        found = list_studies(db, artifacts)
    if as_json:
        click.echo(json.dumps(studies_as_json(found)))
    elif found:
        plain_console().print(studies_table(found))
    else:
        click.echo("no studies; start one with `unet-search run`")


@study.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@dir_option
def delete(name: str, yes: bool, folder: Path | None) -> None:
    """Remove a study with its trials, pictures, checkpoints and weights, for good.

    The copy of its data in the artifact store goes with the last study that has it.
    """
    settings = load_settings(folder)
    artifacts = find_artifacts(settings)
    with open_database(settings) as db:
        study_id, _ = find_study(db, name)
        if not yes:
            _confirm(name)
        removed = delete_study(db, artifacts, study_id, name)
    say(f"study {name} is deleted: {removed.rows:,} rows, {removed.files:,} files")


def studies_as_json(found: Sequence[ListedStudy]) -> dict[str, Any]:
    """The object that `--json` prints; scripts rely on its keys."""
    return {
        "studies": [
            {
                "study": study.name,
                "trials": asdict(study.counts),
                "best": None if study.best is None else {"number": study.best.number, "miou": study.best.miou},
                "created": None if study.created is None else study.created.isoformat(),
                "rows": study.rows,
                "artifact_bytes": study.artifact_bytes,
                "data_bytes": study.data_bytes,
            }
            for study in found
        ]
    }


def _confirm(name: str) -> None:
    """Asks whether the study is to be deleted. Raises InputError where nobody can answer, click.Abort on a no."""
    if not sys.stdin.isatty():
        raise InputError(
            f"a study must not be deleted by accident; got {name} where nobody can be asked; say so with --yes"
        )
    click.confirm(
        f"Delete study {printable(name)} with its trials, pictures, checkpoints and weights, for good?", abort=True
    )
