"""One finding about this machine, and the conversion of errors into findings."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from storage.errors import StorageError
from trainer.errors import InputError

State = Literal["ok", "warning", "problem"]  # a search cannot work with a problem


@dataclass(frozen=True)
class Check:
    """A finding; the text of a warning or a problem has the rule and what to do."""

    name: str
    state: State
    text: str  # one line


def guarded(name: str, look: Callable[[], Iterable[Check]]) -> Iterator[Check]:
    """The findings of the checks of one subject; an error that they raise becomes a problem."""
    try:
        yield from look()
    except (InputError, StorageError) as error:
        yield Check(name, "problem", _join_lines(str(error)))
    except Exception as error:  # a defect of one check must not prevent the others
        text = f"this must be possible to look at; got {type(error).__name__}: {error}; repair it, or say so"
        yield Check(name, "problem", _join_lines(text))


def _join_lines(text: str) -> str:
    """The text without its line breaks."""
    return " ".join(text.split())
