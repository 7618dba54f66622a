"""How far a long copy is: a bar on a terminal, a line now and then in a log."""

import sys
import time

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

QUIET_S = 30.0  # without a terminal, a line at least this often


class Meter:
    """Shows the steps that it is told of, on standard error; a context manager."""

    def __init__(self) -> None:
        self.told = time.monotonic()
        self.bar: Progress | None = None
        if sys.stderr.isatty():
            columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
            self.bar = Progress(*columns, console=Console(stderr=True), transient=True)

    def __enter__(self) -> "Meter":
        if self.bar is not None:
            self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.stop()

    def tell(self, what: str, done: int, total: int) -> None:
        """Such as "rows", 2000 of 510000."""
        if self.bar is not None:
            task = next((task.id for task in self.bar.tasks if task.description == what), None)
            self.bar.update(self.bar.add_task(what) if task is None else task, completed=done, total=total)
        elif time.monotonic() - self.told >= QUIET_S:
            self.told = time.monotonic()
            click.echo(f"{what}: {done:,} of {total:,}", err=True)
