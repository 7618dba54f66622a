"""`unet-search report`: the study as one HTML page."""

from pathlib import Path

import click

from search.commands.options import dir_option, load_settings, study_option
from search.report.page import write_report
from search.study.study import open_study
from search.terminal.plain import say
from storage.artifacts.store import artifacts_folder, open_artifacts
from storage.database.connection import open_database
from storage.folders import remove_unused_folders
from trainer.errors import InputError


@click.command()
@study_option
@dir_option
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path("report.html"),
    show_default=True,
    help="The HTML file.",
)
def report(name: str | None, folder: Path | None, output: Path) -> None:
    """Write one page that shows the study: leaderboard, curves, pictures; a browser opens it from the disk."""
    settings = load_settings(folder)
    with remove_unused_folders(artifacts_folder(settings)), open_database(settings) as db:
        try:
            write_report(open_study(db, name), db, open_artifacts(settings), output)
        except OSError as error:
            raise InputError(f"a file must be writable; got {output}: {error.strerror}; choose another") from None
        say(f"the study's report is in {output}")
