"""Folders that are checked before anything is kept in them."""

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from storage.errors import StorageError

PROBE_BYTES = 1 << 20  # a full disk still takes a few bytes


def check_writable(folder: Path, what_to_do: str, room_mib: int = 1) -> None:
    """Makes the folder and writes 1 MiB into it; a StorageError when it is read-only, full or no folder.

    room_mib: so much must be free. What it made is gone again when the folder is refused.
    """
    made = missing(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _probe(folder)
        free_mib = shutil.disk_usage(folder).free >> 20
    except OSError as error:
        remove_empty(made)
        reason = (error.strerror or str(error)).lower() + _owners(folder, error)
        raise StorageError(f"the folder must be writable; got {folder} ({reason}); {what_to_do}") from error
    if free_mib < room_mib:
        remove_empty(made)
        raise StorageError(f"{room_mib} MiB must be free; got {free_mib} MiB in {folder}; free some or {what_to_do}")


def missing(folder: Path) -> list[Path]:
    """Gives those of the folder and its parents that do not exist, innermost first."""
    # os.path: unlike Path.exists, it takes no offence at a parent that may not be read.
    return [path for path in (folder, *folder.parents) if not os.path.exists(path)]


def remove_empty(folders: list[Path]) -> None:
    """Removes the folders, innermost first, as far as they exist and are empty."""
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:
            return


@contextmanager
def without_empty_folders(folder: Path | None) -> Iterator[None]:
    """Removes those of the folder and its parents that were made meanwhile and are still empty at the end."""
    made = missing(folder) if folder else []
    try:
        yield
    finally:
        remove_empty(made)


def _owners(folder: Path, error: OSError) -> str:
    """Whose the folder is, where that is why it cannot be written."""
    if not isinstance(error, PermissionError) or not os.path.isdir(folder):
        return ""
    return f": it belongs to user {folder.stat().st_uid}, and this is user {os.geteuid()}"


def _probe(folder: Path) -> None:
    path = folder / f".probe-{uuid.uuid4().hex}"
    try:
        with path.open("xb") as file:
            file.write(bytes(PROBE_BYTES))
            file.flush()
            os.fsync(file.fileno())  # network file systems report a full disk no earlier
    finally:
        path.unlink(missing_ok=True)
