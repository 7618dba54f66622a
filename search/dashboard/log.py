"""The dashboard's log: who signs in and out, what is changed, and what fails."""

from contextlib import suppress

from search.terminal.plain import say


def log(event: str) -> None:
    """Writes an event on standard error, as one line of printable characters; that nobody reads it stops nothing."""
    with suppress(OSError):
        say(f"dashboard: {event}", err=True)
