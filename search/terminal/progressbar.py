"""The progress of a long copy: a bar on a terminal, lines in a log."""

import sys
import time

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from search.format import describe_progress

LINE_INTERVAL_S = 30.0  # between two lines where there is no terminal


class CopyProgress:
    """Shows the progress of a copy on standard error, inside its context."""

    def __init__(self) -> None:
        self.last_line = time.monotonic()
        self.bar: Progress | None = None
        if sys.stderr.isatty():
            columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
            self.bar = Progress(*columns, console=Console(stderr=True), transient=True)

    def __enter__(self) -> "CopyProgress":
        if self.bar is not None:
            self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.stop()

    def update(self, what: str, done: int, total: int) -> None:
        """Shows that `done` of `total` items such as "rows" are copied; of 0 where nobody knows how many there are."""
        if self.bar is not None:
            task = next((task.id for task in self.bar.tasks if task.description == what), None)
            self.bar.update(self.bar.add_task(what) if task is None else task, completed=done, total=total or None)
        elif time.monotonic() - self.last_line >= LINE_INTERVAL_S:
            self.last_line = time.monotonic()
            click.echo(describe_progress(what, done, total), err=True)
