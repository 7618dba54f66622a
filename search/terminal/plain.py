"""Text for people: names come from files and databases, and a terminal would obey what some of them contain."""

import click
from rich.console import Console
from rich.text import Text

from trainer.errors import printable


def say(line: str, err: bool = False) -> None:
    """Prints a line, with unprintable characters escaped, on standard output or standard error."""
    click.echo(printable(line), err=err)


def cell(text: str, style: str = "") -> Text:
    """A text for a table or panel: neither rich's markup nor a terminal's control characters in it count."""
    return Text(printable(text), style)


def plain_console() -> Console:
    """Standard output, for tables; strings are printed as they are."""
    return Console(highlight=False, markup=False, emoji=False)
