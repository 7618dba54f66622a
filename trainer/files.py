"""Atomic writes."""

import fcntl
import glob
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EEXIST
from pathlib import Path
from typing import BinaryIO

_TOKEN_BYTES = 4
_TOKEN_PATTERN = "[0-9a-f]" * 2 * _TOKEN_BYTES


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yields a temporary path in the folder of `path`, with the same suffix, for the caller to write to.

    At the end of the block that file replaces `path`. After an error it is removed and `path` is unchanged. What
    killed processes left of `path`, on any host, is removed at the next write. Raises OSError, also where `path` is a
    pipe or device, which a file would replace.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        raise FileExistsError(EEXIST, "a pipe, a device or the like is there", str(path))
    _remove_abandoned(path)
    with _create_partial(path) as file:
        partial = Path(file.name)
        try:
            yield partial
            partial.replace(path)
        finally:
            with suppress(OSError):  # already renamed
                partial.unlink()


def _create_partial(path: Path) -> BinaryIO:
    """A new file, locked for as long as it is open: so others know that it is being written."""
    while True:
        # At random, since containers and hosts that share a folder may have the same name and process numbers.
        file = path.with_name(f".partial-{secrets.token_hex(_TOKEN_BYTES)}-{path.name}").open("xb")
        with suppress(OSError):  # a file system without locks
            fcntl.flock(file, fcntl.LOCK_EX)
        if os.path.exists(file.name):  # nobody took it for an abandoned one before it was locked
            return file
        file.close()


def _remove_abandoned(path: Path) -> None:
    """Removes the temporary files of `path` that no process is writing."""
    for found in path.parent.glob(f".partial-{_TOKEN_PATTERN}-{glob.escape(path.name)}"):
        with suppress(OSError), found.open("r+b") as file:  # locked by another process, or removed by one
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            found.unlink()
