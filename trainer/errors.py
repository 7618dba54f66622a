"""The errors that a caller handles, unusable input and a training that diverged, and how their lines show names."""

from pathlib import Path


class InputError(ValueError):
    """Unusable input. The message is one line: the rule, the value, and what to do."""


class DivergedError(RuntimeError):
    """The loss is no longer finite. The message names the epoch and the step, both from 1."""


def printable(name: str | Path) -> str:
    """The name with unprintable characters escaped: a terminal would obey some of them."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in str(name))
