"""Studies with their sizes, for people."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from search.tables import score
from storage.studies import ListedStudy
from storage.trials import Counts

UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")


def studies_table(found: Sequence[ListedStudy]) -> Table:
    """One row for each study."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in ("study", "trials", "best", "created", "rows", "artifacts"):
        table.add_column(column, justify="left" if column in ("study", "trials") else "right")
    for study in found:
        best = "-" if study.best is None else f"{score(study.best.value)} (trial {study.best.number})"
        created = "-" if study.created is None else f"{study.created.astimezone():%Y-%m-%d %H:%M}"
        table.add_row(
            Text(study.name), _counts(study.counts), best, created, f"{study.rows:,}", size(study.artifact_bytes)
        )
    return table


def size(count: int) -> str:
    """A number of bytes, such as 812 bytes, 4.2 MiB."""
    value, unit = float(count), 0
    while value >= 1024 and unit < len(UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{value:.1f} {UNITS[unit]}" if unit else f"{count} bytes"


def _counts(counts: Counts) -> str:
    numbers = {
        "complete": counts.complete,
        "pruned": counts.pruned,
        "running": counts.running,
        "waiting": counts.waiting,
        "failed": counts.failed,
    }
    return ", ".join(f"{number} {state}" for state, number in numbers.items() if number) or "none"
