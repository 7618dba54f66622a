"""Text for people: names come from files and databases, and a terminal would obey what some of them contain."""

from typing import TYPE_CHECKING

import click

from trainer.errors import printable

if TYPE_CHECKING:  # what prints a line alone does not wait for rich
    from rich.console import Console
    from rich.text import Text


def say(line: str, err: bool = False) -> None:
    """Prints a line, with unprintable characters escaped, on standard output or standard error."""
    click.echo(printable(line), err=err)


def cell(text: str, style: str = "") -> "Text":
    """A text for a table or panel: neither rich's markup nor a terminal's control characters in it count."""
    from rich.text import Text

    return Text(printable(text), style)


def plain_console() -> "Console":
    """Standard output, for tables; strings are printed as they are."""
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False)
