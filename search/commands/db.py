"""`unet-search db`: backup and restore of studies, and the upgrade of a database of older versions."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from search.commands.options import dir_option, load_settings
from search.format import format_bytes
from search.terminal.plain import say
from search.terminal.progressbar import CopyProgress
from storage.artifacts.store import find_artifacts
from storage.backup.check import check_backup
from storage.backup.read import open_backup
from storage.backup.restore import restore_backup
from storage.backup.write import write_backup
from storage.database.connection import find_database, open_database
from storage.embedded.server import discard_new_server
from storage.settings import Settings
from trainer.errors import InputError
from trainer.files import atomic_write

if TYPE_CHECKING:
    from storage.backup.manifest import Manifest


@click.group()
def db() -> None:
    """Keep studies in a file, bring them back, bring an older database up to date."""


@db.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--study", "names", multiple=True, metavar="NAME", help="A study; may be repeated.  [default: all]")
@dir_option
def backup(file: Path, names: tuple[str, ...], folder: Path | None) -> None:
    """Write studies, their trials, pictures, checkpoints and weights to FILE, while workers go on."""
    settings = load_settings(folder)
    if file.is_dir():
        raise InputError(f"a backup must be a file; got the folder {file}; name a file in it")
    artifacts = find_artifacts(settings)
    try:
        with open_database(settings) as database, CopyProgress() as progress, atomic_write(file) as partial:
            manifest = write_backup(database, artifacts, partial, names, progress.update)
    except OSError as error:
        raise InputError(
            f"files must be readable and writable; got {error.filename or file}: {error.strerror}; choose another place"
        ) from None
    say(f"{_contents(manifest)} are in {file}, {format_bytes(file.stat().st_size)}")


@db.command()
@click.argument("file", type=click.Path(path_type=Path))
@dir_option
def restore(file: Path, folder: Path | None) -> None:
    """Put the studies of a backup into the database, which may hold others; where there is none, make it.

    All of them or nothing: a study whose name is there already is refused.
    """
    from search.study.question import check_stored_question

    settings = load_settings(folder)
    artifacts = find_artifacts(settings)
    with open_backup(file) as found, CopyProgress() as progress:
        check_backup(found, progress.update, check_stored_question)  # before a database is made for it
        with _discard_new_database(settings), open_database(settings, create=True) as database:
            restore_backup(database, artifacts, found, progress.update)
            where = database.masked_url
    say(f"{_contents(found.manifest)} of {file} are in {where}")


@db.command()
@dir_option
def upgrade(folder: Path | None) -> None:
    """Bring the tables of an older Optuna or unet-search up to date; end the workers before."""
    from search.study.upgrade import upgrade_digests
    from storage.database.upgrade import upgrade_tables

    settings = load_settings(folder)
    with find_database(settings, create=False) as url:
        done = upgrade_tables(url)
    for whose, (before, after) in (("Optuna", done.optuna), ("unet-search", done.own)):
        now = f"were {before} and are {after}" if before != after else f"are {after}, as they were"
        click.echo(f"tables of {whose}: {now}")
    with open_database(settings) as database:
        changed = upgrade_digests(database)
    click.echo(f"configurations of trials: {changed:,} are known by another digest now")


def _discard_new_database(settings: Settings) -> AbstractContextManager[None]:
    """After an error, removes what `open_database` made; a database on a server stays."""
    return nullcontext() if settings.database_url is not None else discard_new_server(settings.dir)


def _contents(manifest: "Manifest") -> str:
    trials = manifest.rows["trials"]
    return f"{', '.join(manifest.studies)}: {trials:,} trials, {manifest.files:,} files"
