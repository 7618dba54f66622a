"""Files that are written whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yields another name in the same folder, with the same ending, to write to.

    At the end that file takes the place of `path`; after an error it is gone, and `path` is what it was before.
    """
    # The process id, so that two that write the same file do not write into each other's.
    partial = path.with_name(f".partial-{os.getpid()}-{path.name}")
    try:
        yield partial
        partial.replace(path)
    finally:
        with suppress(OSError):  # already in place, or never begun
            partial.unlink()
