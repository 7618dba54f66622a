"""Draws the live table of a running search as the README's picture.

Usage: python docs/draw_live_table.py RUN_FOLDER docs/live-table.svg
"""

import re
import sys
import time
from io import StringIO
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console

from search.study.study import open_study
from search.supervisor.monitor import describe_trial
from search.terminal.live import LAST_SHOWN, StudyDisplay
from storage.database.connection import open_database
from storage.settings import Settings
from storage.studies.finished import FinishedTrials
from storage.studies.status import study_status
from storage.studies.study import get_budget

WIDTH = 88  # characters
WEB_FONT = re.compile(r"@font-face \{\{.*?\}\}\s*", re.DOTALL)  # the picture must not load a font from another host


def main(folder: Path, picture: Path) -> None:
    console = Console(record=True, width=WIDTH, file=StringIO())
    with open_database(Settings(dir=folder)) as db:
        opened = open_study(db)
        status, budget = study_status(db, opened.study_id), get_budget(db, opened.study_id)
        trials = [trial for trial in FinishedTrials(db, opened.study_id).read() if trial.was_trained]
        display = StudyDisplay(opened.study.study_name, opened.plan.base.budget.epochs, console)
        display.started = time.monotonic() - status.device_s / max(1, len(status.running))
        best = status.best.number if status.best else None
        display.last_finished = [describe_trial(trial, best) for trial in trials][-LAST_SHOWN:]
        console.print(display.render(status, budget))
    code_format = WEB_FONT.sub("", CONSOLE_SVG_FORMAT)
    console.save_svg(str(picture), title="unet-search run --data mars.npz", code_format=code_format)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
