"""How long work on data tells how far it is."""

from collections.abc import Callable

Progress = Callable[[str, int, int], None]  # what is done, as for people; how much of it, and how much in all


def no_progress(what: str, done: int, total: int) -> None:
    """Tells nobody."""
