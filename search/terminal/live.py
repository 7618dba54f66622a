"""The search as it goes: a live table on a terminal, plain lines in a log."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from search.format import duration, label, score
from search.terminal.summary import best_line, counts_line, seconds_left
from search.terminal.tables import BAR, running_table
from storage.studies.status import StudyStatus

LAST_SHOWN = 5
QUIET_S = 30.0  # without a terminal, a line at least this often
STYLES = {"pruned": "dim", "failed": "red"}


@dataclass(frozen=True)
class Finished:
    """A trial that ended."""

    number: int
    state: str  # complete, pruned, failed
    value: float | None
    epochs: int | None
    best: bool  # the best when it ended
    cause: str | None
    name: str | None = None  # of the configuration it was enqueued with


class Progress:
    """Shows a study to its end; a context manager.

    epochs: of a trial, at most
    """

    def __init__(self, study: str, epochs: int, console: Console | None = None) -> None:
        self.study, self.epochs = study, epochs
        self.console = console or Console(highlight=False)
        self.started = self.told = time.monotonic()
        self.last: list[Finished] = []
        self.live = Live(console=self.console, auto_refresh=False) if self.console.is_terminal else None

    def __enter__(self) -> "Progress":
        if self.live is not None:
            self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.live is not None:
            self.live.stop()

    def show(self, status: StudyStatus, budget: int, finished: Sequence[Finished]) -> None:
        """Brings the display up to date; `finished` are the trials that ended since the last time."""
        self.last = [*self.last, *finished][-LAST_SHOWN:]
        if self.live is not None:
            self.live.update(self.render(status, budget), refresh=True)
            return
        for trial in finished:
            self.console.print(finished_line(trial), soft_wrap=True, markup=False)
        if time.monotonic() - self.told >= QUIET_S:
            self.told = time.monotonic()
            line = f"{counts_line(status, budget)}; {best_line(status)}; {self.clock(status, budget)}"
            self.console.print(line, soft_wrap=True, markup=False)

    def clock(self, status: StudyStatus, budget: int) -> str:
        """Time gone and time to go."""
        left = seconds_left(status, budget)
        gone = duration(time.monotonic() - self.started)
        return f"elapsed {gone}, to go {'unknown' if left is None else duration(left)}"

    def render(self, status: StudyStatus, budget: int) -> Panel:
        """The live table."""
        done = status.counts.complete + status.counts.pruned
        summary = Table.grid(padding=(0, 2))
        summary.add_row(ProgressBar(budget, done, width=BAR), counts_line(status, budget))
        summary.add_row(Text(best_line(status)), self.clock(status, budget))
        parts: list[RenderableType] = [summary, "", running_table(status.running, self.epochs), ""]
        parts += [Text(finished_line(trial), style=STYLES.get(trial.state, "")) for trial in self.last]
        return Panel(Group(*parts), title=f"unet-search: {self.study}", padding=(0, 1))


def finished_line(trial: Finished) -> str:
    """Such as `trial 3 complete 0.4312 (best)` or `trial 5 final_model pruned at epoch 4 0.2114`."""
    called = label(trial.number, trial.name)
    if trial.state == "failed":
        return f"trial {called} failed: {trial.cause or 'no reason given'}"
    where = f" at epoch {trial.epochs}" if trial.state == "pruned" and trial.epochs else ""
    why = f" ({trial.cause})" if trial.cause else " (best)" if trial.best else ""
    return f"trial {called} {trial.state}{where} {score(trial.value)}{why}"
