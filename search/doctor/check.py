"""One finding about this machine, and how a failing check becomes one."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from storage.errors import StorageError
from trainer.errors import InputError

State = Literal["ok", "warning", "problem"]  # a problem is what a search cannot work with


@dataclass(frozen=True)
class Check:
    """What was found; of a warning or problem also the rule, and what to do."""

    name: str
    state: State
    text: str  # one line


def guarded(name: str, look: Callable[[], Iterable[Check]]) -> Iterator[Check]:
    """The findings of one subject; whatever goes wrong in it is a problem, and no other subject's concern."""
    try:
        yield from look()
    except (InputError, StorageError) as error:
        yield Check(name, "problem", one_line(str(error)))
    except Exception as error:  # a doctor who falls ill helps nobody
        reason = f"{type(error).__name__}: {error}"
        yield Check(name, "problem", one_line(f"this must be possible to look at; got {reason}; repair it, or say so"))


def one_line(text: str) -> str:
    """Any text without its line breaks."""
    return " ".join(text.split())
