"""Atomic writes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yields a temporary path in the folder of `path`, with the same suffix, for the caller to write to.

    At the end of the block that file replaces `path`. After an error it is removed and `path` is unchanged.
    """
    # With the process id, so that two processes which write the same file use different temporary files.
    partial = path.with_name(f".partial-{os.getpid()}-{path.name}")
    try:
        yield partial
        partial.replace(path)
    finally:
        with suppress(OSError):  # already renamed, or never created
            partial.unlink()
