"""`unet-search enqueue`: more configurations for a study to try."""

from pathlib import Path

import click

from search.commands.options import (
    dir_option,
    load_settings,
    parse_sets,
    set_option,
    study_option,
)
from search.space.parse import is_shared
from search.study.enqueue import describe_enqueued, enqueue_warm_starts
from search.study.study import OpenStudy, open_study
from search.study.warmstart import WarmStart, load_warm_starts
from search.terminal.plain import say
from storage.database.connection import open_database
from trainer.errors import InputError


@click.command()
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True)
@study_option
@set_option
@dir_option
def enqueue(sources: tuple[str, ...], name: str | None, sets: tuple[str, ...], folder: Path | None) -> None:
    """Have a study try more configurations next: "report" (its four systems), presets, or files such as best.toml."""
    with open_database(load_settings(folder)) as db:
        opened = open_study(db, name)
        starts = read_warm_starts(opened, sources, sets)
        for line in describe_enqueued(db, opened, enqueue_warm_starts(db, opened, starts)):
            say(line)


def read_warm_starts(opened: OpenStudy, sources: tuple[str, ...], sets: tuple[str, ...]) -> tuple[WarmStart, ...]:
    """The configurations, checked against the study. Raises InputError."""
    changes = parse_sets(sets)
    for path in filter(is_shared, changes):
        raise InputError(f"--set must leave alone what all trials of a study share; got {path}; leave it out")
    return load_warm_starts(sources, opened.plan.base, opened.plan.space, changes)
