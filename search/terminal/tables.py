"""Tables of trials and studies for people."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC

from rich.console import RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from search.format import format_bytes, format_score
from search.study.scoring import Scoring
from search.study.ties import chance_to_beat, describe_chance, format_interval
from search.terminal.plain import cell
from storage.studies.catalogue import ListedStudy
from storage.studies.status import Counts, Leader, Running

BAR_WIDTH = 24  # characters
UNKNOWN = Scoring()  # of a study without a question
LEFT_COLUMNS = ("configuration", "epoch", "name", "study", "trials", "worker")  # aligned to the left


def running_table(running: Sequence[Running], epochs: int | None, label: str = "mIoU") -> Table:
    """One row for each running trial, with its name where any of them has one.

    Args:
        epochs: the largest number of epochs of a trial; None to show no bars.
        label: the metric's.
    """
    has_names = any(trial.name for trial in running)
    table = plain_table("trial", *["name"] * has_names, "worker", "epoch", label, "best so far")
    for trial in running:
        scores = format_score(trial.value), format_score(trial.best_value)
        names = [_name(trial.name)] * has_names
        table.add_row(
            str(trial.number), *names, cell(trial.worker or "nobody"), _epoch(trial.epoch or 0, epochs), *scores
        )
    return table


def leaderboard_table(leaders: Sequence[Leader], scoring: Scoring = UNKNOWN) -> Table:
    """One row for each of the best trials, best first, with the foreground's scores where there is one.

    Where it is known how sure the values are, the interval of each, and which trials are as good as the best one.
    """
    beside = ("foreground IoU", "foreground Dice") if scoring.has_foreground else ()
    sure = ("95 % interval", "beside the best") if any(trial.resampled for trial in leaders) else ()
    table = plain_table("rank", "trial", "name", scoring.label, *sure, *beside, "parameters")
    for rank, trial in enumerate(leaders, 1):
        parameters = trial.attributes.parameters
        row: list[str | Text] = [str(rank), str(trial.number), _name(trial.name), format_score(trial.value)]
        row += [format_interval(trial.attributes.interval), _standing(trial, leaders[0])] if sure else []
        row += map(format_score, scoring.foreground(trial.attributes.iou) or (None, None)) if beside else []
        table.add_row(*row, "-" if parameters is None else f"{parameters:,}")
    return table


def studies_table(found: Sequence[ListedStudy]) -> Table:
    """One row for each study."""
    table = plain_table("study", "trials", "best", "created", "rows", "artifacts", "shared data")
    for study in found:
        best = "-" if study.best is None else f"{format_score(study.best.value)} (trial {study.best.number})"
        created = "-" if study.created is None else f"{study.created.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        sizes = format_bytes(study.artifact_bytes), format_bytes(study.data_bytes) if study.data_bytes else "-"
        table.add_row(cell(study.name), _counts(study.counts), best, created, f"{study.rows:,}", *sizes)
    return table


def plain_table(*columns: str) -> Table:
    """An empty table without lines; all columns but LEFT_COLUMNS are aligned to the right."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(cell(column), justify="left" if column in LEFT_COLUMNS else "right")
    return table


def _standing(trial: Leader, best: Leader) -> str:
    return "" if trial is best else describe_chance(chance_to_beat(trial.resampled, best.resampled))


def _name(name: str | None) -> Text:
    return cell(name or "-")


def _epoch(epoch: int, epochs: int | None) -> RenderableType:
    if epochs is None:
        return str(epoch)
    bar = Table.grid(padding=(0, 1))
    bar.add_row(ProgressBar(epochs, epoch, width=BAR_WIDTH // 2), f"{epoch} of {epochs}")
    return bar


def _counts(counts: Counts) -> str:
    return ", ".join(f"{number} {state}" for state, number in asdict(counts).items() if number) or "none"
