"""Folders: checked before files are written to them, and removed again where none were."""

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from errno import ELOOP, ENXIO, EPERM
from pathlib import Path
from stat import S_ISLNK, S_ISREG

from storage.errors import StorageError

PROBE_BYTES = 1 << 20  # a full disk still takes a few bytes


def check_writable(folder: Path, remedy: str, min_free_mib: int = 1) -> None:
    """Makes the folder and writes a probe of 1 MiB into it, which is removed again.

    Args:
        folder: it need not exist; where it is refused, folders that were made for it are removed again.
        remedy: what the user can do, the end of the message.
        min_free_mib: how much free space the folder must have.

    Raises:
        StorageError: the folder is read-only, full or a file.
    """
    new_folders = missing_folders(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write_probe(folder)
        free_mib = shutil.disk_usage(folder).free >> 20
    except OSError as error:
        remove_empty_folders(new_folders)
        reason = (error.strerror or str(error)).lower() + describe_owner(folder, error)
        raise StorageError(f"the folder must be writable; got {folder} ({reason}); {remedy}") from error
    if free_mib < min_free_mib:
        remove_empty_folders(new_folders)
        raise StorageError(f"{min_free_mib} MiB must be free; got {free_mib} MiB in {folder}; free some or {remedy}")


def missing_folders(folder: Path) -> list[Path]:
    """Those of the folder and its parents that do not exist, innermost first."""
    # Unlike Path.exists, os.path.exists does not raise where a parent may not be read.
    return [path for path in (folder, *folder.parents) if not os.path.exists(path)]


def remove_empty_folders(folders: list[Path]) -> None:
    """Removes folders, listed innermost first, up to the first one that is missing or not empty."""
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:
            return


def open_plain(path: str | Path, flags: int) -> int:
    """The `opener` of `open` for a file in a folder that others may own: a plain file, reached by no link of theirs.

    Through a link, root would read and overwrite what it leads to; at a pipe it would wait for ever. Raises OSError.
    """
    check_link(Path(path).parent)
    try:
        descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
    except OSError as error:
        if error.errno in (ELOOP, ENXIO):  # a link, a pipe without a reader
            raise _not_plain(path) from None
        raise
    found = os.fstat(descriptor)
    # A second name of another user's file, which is how a link to it looks that is not a symbolic one.
    is_foreign = found.st_nlink > 1 and found.st_uid != Path(path).parent.stat().st_uid
    if not S_ISREG(found.st_mode) or is_foreign:
        os.close(descriptor)
        raise _not_plain(path)
    return descriptor


def check_link(folder: Path) -> None:
    """Raises PermissionError for a link to a folder that was made by somebody who does not own that folder."""
    link = folder.lstat()
    if S_ISLNK(link.st_mode) and link.st_uid not in (0, os.geteuid(), folder.stat().st_uid):
        raise PermissionError(EPERM, f"a link of user {link.st_uid} to another user's folder; remove it", str(folder))


def _not_plain(path: str | Path) -> PermissionError:
    return PermissionError(EPERM, "a link, a pipe or the like in place of a plain file; remove it", str(path))


@contextmanager
def remove_unused_folders(folder: Path | None) -> Iterator[None]:
    """At its end, removes those of the folder and its parents that were made during the context and are empty."""
    new_folders = missing_folders(folder) if folder else []
    try:
        yield
    finally:
        remove_empty_folders(new_folders)


@contextmanager
def removed_after_refusal(folder: Path) -> Iterator[None]:
    """Removes a folder that was made during the context, with all that is in it, where the context ends with an error.

    For what can be made again: a command that refuses its input leaves nothing.
    """
    is_new = not os.path.lexists(folder)
    with remove_unused_folders(folder.parent):
        try:
            yield
        except Exception:
            if is_new:
                shutil.rmtree(folder, ignore_errors=True)
            raise


def describe_owner(folder: Path, error: OSError) -> str:
    """The end of the message where the folder belongs to another user."""
    if not isinstance(error, PermissionError) or not os.path.isdir(folder):
        return ""
    return f": it belongs to user {folder.stat().st_uid}, and this is user {os.geteuid()}"


def _write_probe(folder: Path) -> None:
    path = folder / f".probe-{uuid.uuid4().hex}"
    try:
        with path.open("xb") as file:
            file.write(bytes(PROBE_BYTES))
            file.flush()
            os.fsync(file.fileno())  # network file systems report a full disk no earlier
    finally:
        path.unlink(missing_ok=True)
