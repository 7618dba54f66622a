"""Silences decoders, which warn and write about damaged files that an InputError tells of as well.

Both are settings of the whole process, while many threads decode: the first one makes them, the last one ends them.
"""

import os
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

from PIL import Image

_STDERR = 2


class Shared:
    """A context of the whole process that any number of threads are in together."""

    def __init__(self, make: Callable[[], AbstractContextManager[None]]) -> None:
        self._make, self._lock, self._holders, self._stack = make, threading.Lock(), 0, ExitStack()

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Holds the context."""
        with self._lock:
            if not self._holders:
                self._stack.enter_context(self._make())
            self._holders += 1
        try:
            yield
        finally:
            with self._lock:
                self._holders -= 1
                if not self._holders:
                    self._stack.close()


@contextmanager
def _ignore_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


@contextmanager
def _drop_stderr() -> Iterator[None]:
    try:
        saved = os.dup(_STDERR)
    except OSError:  # closed
        yield
        return
    sink = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(sink, _STDERR)
        yield
    finally:
        os.dup2(saved, _STDERR)
        os.close(saved)
        os.close(sink)


silent_warnings = Shared(_ignore_warnings)
silent_libraries = Shared(
    _drop_stderr
)  # what C libraries write; other threads' lines are dropped too, so use it briefly
