"""Tables of trials and studies for people."""

from collections.abc import Sequence
from dataclasses import asdict

from rich.console import RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from search.format import score, size
from storage.studies.catalogue import ListedStudy
from storage.studies.status import Counts, Leader, Running

BAR = 24  # characters
TEXTS = ("configuration", "epoch", "name", "study", "trials", "worker")  # columns that begin at the left


def running_table(running: Sequence[Running], epochs: int | None) -> Table:
    """One row for each trial under way; `epochs` of a trial, where known. Names where one of them has one."""
    named = any(trial.name for trial in running)
    table = plain_table("trial", *["name"] * named, "worker", "epoch", "mIoU", "best so far")
    for trial in running:
        scores = score(trial.value), score(trial.best_value)
        names = [_name(trial.name)] * named
        table.add_row(str(trial.number), *names, trial.worker or "nobody", _epoch(trial.epoch or 0, epochs), *scores)
    return table


def leaderboard_table(leaders: Sequence[Leader]) -> Table:
    """One row for each of the best trials, best first."""
    table = plain_table("rank", "trial", "name", "mIoU", "parameters")
    for rank, trial in enumerate(leaders, 1):
        parameters = trial.attributes.parameters
        size = "-" if parameters is None else f"{parameters:,}"
        table.add_row(str(rank), str(trial.number), _name(trial.name), score(trial.value), size)
    return table


def plain_table(*columns: str) -> Table:
    """An empty table without lines; numbers stand at the right."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(column, justify="left" if column in TEXTS else "right")
    return table


def _name(name: str | None) -> Text:
    return Text(name or "-")  # as it is: a file's name may look like rich's markup


def _epoch(epoch: int, epochs: int | None) -> RenderableType:
    if epochs is None:
        return str(epoch)
    cell = Table.grid(padding=(0, 1))
    cell.add_row(ProgressBar(epochs, epoch, width=BAR // 2), f"{epoch} of {epochs}")
    return cell


def studies_table(found: Sequence[ListedStudy]) -> Table:
    """One row for each study."""
    table = plain_table("study", "trials", "best", "created", "rows", "artifacts")
    for study in found:
        best = "-" if study.best is None else f"{score(study.best.value)} (trial {study.best.number})"
        created = "-" if study.created is None else f"{study.created.astimezone():%Y-%m-%d %H:%M}"
        table.add_row(
            Text(study.name), _counts(study.counts), best, created, f"{study.rows:,}", size(study.artifact_bytes)
        )
    return table


def _counts(counts: Counts) -> str:
    return ", ".join(f"{number} {state}" for state, number in asdict(counts).items() if number) or "none"
