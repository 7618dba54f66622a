"""Studies with their sizes, for people."""

from collections.abc import Sequence
from dataclasses import asdict

from rich.table import Table
from rich.text import Text

from search.tables import plain_table, score
from storage.studies import ListedStudy
from storage.trials import Counts

UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")


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


def size(count: int) -> str:
    """A number of bytes, such as 812 bytes, 4.2 MiB."""
    value, unit = float(count), 0
    while value >= 1024 and unit < len(UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{value:.1f} {UNITS[unit]}" if unit else f"{count} bytes"


def _counts(counts: Counts) -> str:
    return ", ".join(f"{number} {state}" for state, number in asdict(counts).items() if number) or "none"
