"""`unet-search export`: writes a trial's configuration to a file."""

from pathlib import Path

import click

from search.commands.options import dir_option, load_settings, study_option
from search.terminal.plain import say
from storage.database.connection import open_database
from trainer.errors import InputError


@click.command()
@study_option
@dir_option
@click.option("--trial", type=int, help="Its number.  [default: the confirmed or the best one]")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="The TOML file.")
def export(name: str | None, folder: Path | None, trial: int | None, output: Path) -> None:
    """Write a trial's configuration, with where it came from, as a file that `retrain` reads."""
    from search.study.export import export_trial  # imports Optuna, which takes a second
    from search.study.study import open_study

    with open_database(load_settings(folder)) as db:
        try:
            found = export_trial(open_study(db, name), output, trial)
        except OSError as error:
            raise InputError(f"a file must be writable; got {output}: {error.strerror}; choose another") from None
        say(f"trial {found.number}, validation mIoU {found.value:.4f}, is in {output}")
