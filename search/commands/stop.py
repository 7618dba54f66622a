"""`unet-search stop` and `resume`: stop a study on every host, and let it go on."""

from pathlib import Path

import click

from search.commands.options import dir_option, load_settings, study_option
from search.terminal.plain import say
from storage.database.connection import open_database
from storage.studies.study import STOP_NOW, find_study, resume_study, stop_study


@click.command()
@study_option
@dir_option
@click.option("--now", is_flag=True, help="Hand the trials under way on within seconds, instead of finishing them.")
def stop(name: str | None, folder: Path | None, now: bool) -> None:
    """Let all workers of the study, on every host, finish their trial and stay away."""
    with open_database(load_settings(folder)) as db:
        study_id, found_name = find_study(db, name)
        stop_study(db, study_id, STOP_NOW if now else "asked for by `unet-search stop`")
        say(f"study {found_name} starts no more trials; `unet-search resume` lets it go on")


@click.command()
@study_option
@dir_option
def resume(name: str | None, folder: Path | None) -> None:
    """Let a stopped study go on; its workers must be started again."""
    with open_database(load_settings(folder)) as db:
        study_id, found_name = find_study(db, name)
        resume_study(db, study_id)
        say(f"study {found_name} may go on; start its workers with `unet-search run` or `worker`")
