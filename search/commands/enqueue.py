"""`unet-search enqueue`: more configurations for a study to try."""

from pathlib import Path

import click

from search.commands.options import load_settings, parse_sets, run_dir, sets, study_name
from search.space.parse import is_shared
from search.study.enqueue import enqueue_starts, enqueued_lines
from search.study.study import OpenStudy, open_study
from search.study.warmstart import Start, check_sizes, load_starts
from storage.database.connection import open_database
from trainer.data.dataset import open_dataset
from trainer.errors import InputError


@click.command()
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True)
@study_name
@click.option(
    "--data", type=click.Path(path_type=Path), help="Where the data lie on this host.  [default: as recorded]"
)
@sets
@run_dir
def enqueue(
    sources: tuple[str, ...], name: str | None, data: Path | None, sets: tuple[str, ...], folder: Path | None
) -> None:
    """Have a study try more configurations next: "report" (its four systems), presets, or files such as best.toml."""
    with open_database(load_settings(folder)) as db:
        opened = open_study(db, name, None if data is None else str(data.expanduser().resolve()))
        starts = read_starts(opened, sources, sets)
        for line in enqueued_lines(db, opened, enqueue_starts(db, opened, starts)):
            click.echo(line)


def read_starts(opened: OpenStudy, sources: tuple[str, ...], sets: tuple[str, ...]) -> tuple[Start, ...]:
    """The starts, checked against a study that exists and its data."""
    changes = parse_sets(sets)
    for path in filter(is_shared, changes):
        raise InputError(f"--set must leave alone what all trials of a study share; got {path}; leave it out")
    starts = load_starts(sources, opened.plan.base, opened.plan.space, changes)
    height, width = open_dataset(opened.plan.base.data).images.shape[1:3]
    check_sizes(starts, height, width)
    return starts
