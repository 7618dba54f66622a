"""The display of a running study: a live table on a terminal, plain lines in a log."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table

from search.format import format_duration, format_score, trial_label
from search.study.scoring import read_scoring
from search.terminal.plain import cell, plain_console
from search.terminal.summary import best_line, counts_line, running_line, seconds_left, unfound_line
from search.terminal.tables import BAR_WIDTH, running_table
from storage.studies.status import StudyStatus

LAST_SHOWN = 5  # finished trials in the live table
LINE_INTERVAL_S = 30.0  # between two lines on the whole study where there is no terminal
LISTED_RUNNING = 16  # running trials that have a line each then
STYLES = {"pruned": "dim", "failed": "red"}


@dataclass(frozen=True)
class FinishedTrial:
    """A finished trial, as the display needs it."""

    number: int
    state: str  # complete, pruned, failed
    value: float | None
    epochs: int | None
    best: bool  # whether it was the best when it ended
    cause: str | None
    name: str | None = None  # of the configuration that it was enqueued with


class StudyDisplay:
    """Displays a study inside its context.

    Args:
        study: its name.
        epochs: the largest number of epochs of a trial.
        console: by default standard output.
    """

    def __init__(self, study: str, epochs: int, console: Console | None = None) -> None:
        self.study, self.epochs = study, epochs
        self.console = console or plain_console()
        self.started = self.last_line = time.monotonic()
        self.last_finished: list[FinishedTrial] = []
        self.live = Live(console=self.console, auto_refresh=False) if self.console.is_terminal else None

    def __enter__(self) -> "StudyDisplay":
        if self.live is not None:
            self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.live is not None:
            self.live.stop()

    def show(self, status: StudyStatus, budget: int, finished: Sequence[FinishedTrial]) -> None:
        """Updates the display; `finished` are the trials that ended since the last call."""
        self.last_finished = [*self.last_finished, *finished][-LAST_SHOWN:]
        if self.live is not None:
            self.live.update(self.render(status, budget), refresh=True)
            return
        lines = [finished_line(trial) for trial in finished]
        label, warnings = read_scoring(status.question).label, filter(None, [unfound_line(status)])
        if time.monotonic() - self.last_line >= LINE_INTERVAL_S:
            self.last_line = time.monotonic()
            lines += [f"{counts_line(status, budget)}; {best_line(status)}; {self.time_line(status, budget)}"]
            lines += warnings
            lines += [running_line(trial, self.epochs, label) for trial in status.running[:LISTED_RUNNING]]
            more = len(status.running) - LISTED_RUNNING
            lines += [f"and {more} more running trials"] if more > 0 else []
        for line in lines:
            self.console.print(cell(line), soft_wrap=True)

    def time_line(self, status: StudyStatus, budget: int) -> str:
        """The time since the start, and the time that is left."""
        left_s = seconds_left(status, budget)
        elapsed = format_duration(time.monotonic() - self.started)
        return f"elapsed {elapsed}, to go {'unknown' if left_s is None else format_duration(left_s)}"

    def render(self, status: StudyStatus, budget: int) -> Panel:
        """The live table."""
        done = status.counts.complete + status.counts.pruned
        summary = Table.grid(padding=(0, 2))
        summary.add_row(ProgressBar(budget, done, width=BAR_WIDTH), counts_line(status, budget))
        summary.add_row(cell(best_line(status)), self.time_line(status, budget))
        label, warning = read_scoring(status.question).label, unfound_line(status)
        parts: list[RenderableType] = [summary, *([] if warning is None else [cell(warning, "yellow")])]
        parts += ["", running_table(status.running, self.epochs, label), ""]
        parts += [cell(finished_line(trial), STYLES.get(trial.state, "")) for trial in self.last_finished]
        return Panel(Group(*parts), title=cell(f"unet-search: {self.study}"), padding=(0, 1))


def finished_line(trial: FinishedTrial) -> str:
    """A line such as `trial 3 complete 0.4312 (best)` or `trial 5 final_model pruned at epoch 4 0.2114`."""
    label = trial_label(trial.number, trial.name)
    if trial.state == "failed":
        return f"trial {label} failed: {trial.cause or 'no reason given'}"
    epoch = f" at epoch {trial.epochs}" if trial.state == "pruned" and trial.epochs else ""
    remark = f" ({trial.cause})" if trial.cause else " (best)" if trial.best else ""
    return f"trial {label} {trial.state}{epoch} {format_score(trial.value)}{remark}"
