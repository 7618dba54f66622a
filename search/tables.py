"""Tables of trials for people: those under way, and the best ones."""

from collections.abc import Sequence

from rich.console import RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from storage.trials import Leader, Running

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
        parameters = trial.user_attrs.get("parameters")
        size = "-" if parameters is None else f"{parameters:,}"
        table.add_row(str(rank), str(trial.number), _name(trial.name), score(trial.value), size)
    return table


def label(number: int, name: str | None) -> str:
    """A trial's number, and its name where it has one: `3 final_model`."""
    return f"{number} {name}" if name else str(number)


def score(value: float | None) -> str:
    """Four digits, or a dash."""
    return "-" if value is None else f"{value:.4f}"


def setting(value: object) -> str:
    """A parameter's value, short: as TOML has it, four digits at most."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.4g}" if isinstance(value, float) else str(value)


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
