"""What was measured, and what is recommended, for people."""

from collections.abc import Sequence

from rich.table import Table

from search.format import format_bytes
from search.terminal.plain import cell
from search.terminal.tables import plain_table
from search.tuning.measured import Measured
from search.tuning.recommend import Recommended


def measured_table(measured: Sequence[Measured]) -> Table:
    """One row for each contender that was measured, with its ratio to the configuration as it is.

    The ratio is the median of the rounds, in brackets the smallest and the largest.
    """
    table = plain_table("configuration", "images/s", "ratio", "memory", "verdict")
    for one in measured:
        if one.ratio is None or one.images_per_second is None:
            continue
        low, high = f"{one.ratio.low:.2f}", f"{one.ratio.high:.2f}"
        ratio = f"{one.ratio.median:.2f}" + (f" ({low} to {high})" if low != high else "")
        memory = "-" if one.memory_bytes is None else format_bytes(one.memory_bytes)
        table.add_row(cell(one.name), f"{one.images_per_second:,.1f}", ratio, memory, one.verdict)
    return table


def recommendation_lines(found: Recommended, command: Sequence[str], base: str | None = None) -> list[str]:
    """The command and the settings, to be pasted, with what to bear in mind.

    Args:
        found: the recommendation.
        command: that it is about, in words.
        base: the preset or file of the configuration, where it is no search file.
    """
    if not found.options and not found.settings:
        return ["recommended: leave all as it is; nothing that was measured was faster", *found.notes]
    lines = [f"recommended: {' '.join([*command, *found.options])}"]
    if found.settings:
        lines += ["", found.toml(base), ""]
    return [*lines, *found.notes]
