"""Files below a folder, reached without following a link: others may write there, and a link leads anywhere.

The folder itself may be a link. Below it, links, pipes and devices are taken for missing.
"""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EISDIR, ELOOP, ENAMETOOLONG, ENOTDIR, ENXIO
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import BinaryIO

_FOLDER = os.O_RDONLY | os.O_DIRECTORY
_READ = os.O_RDONLY | os.O_NONBLOCK  # which does not wait for a pipe's writer
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL
_MISSING = (ELOOP, ENOTDIR, ENAMETOOLONG, ENXIO)  # a link, a file for a folder, too long a name, a socket


@contextmanager
def open_parent(root: Path, key: str) -> Iterator[tuple[int, str]]:
    """The descriptor of the folder that a key's file is in, and the file's name there. Raises FileNotFoundError."""
    *folders, name = key.split("/")
    folder = _open(str(root), _FOLDER)
    try:
        for part in folders:
            outer, folder = folder, _open(part, _FOLDER | os.O_NOFOLLOW, folder)
            os.close(outer)
        yield folder, name
    finally:
        os.close(folder)


def open_file(root: Path, key: str) -> BinaryIO:
    """Opens a file for reading. Raises FileNotFoundError, and IsADirectoryError for a folder."""
    with open_parent(root, key) as (folder, name):
        descriptor = _open(name, _READ | os.O_NOFOLLOW, folder)
    mode = os.fstat(descriptor).st_mode
    if not S_ISREG(mode):
        os.close(descriptor)
        raise IsADirectoryError(EISDIR, "Is a directory", str(root / key)) if S_ISDIR(mode) else _missing(root / key)
    return os.fdopen(descriptor, "rb")


def create_file(root: Path, key: str) -> BinaryIO:
    """Makes a file and opens it for writing. Raises FileExistsError where anything has its name."""
    with open_parent(root, key) as (folder, name):
        return os.fdopen(_open(name, _CREATE, folder), "wb")


def replace_file(root: Path, key: str, content: bytes) -> None:
    """Writes a file in a folder that exists; it takes its name when it is whole. Raises OSError."""
    with open_parent(root, key) as (folder, name):
        partial = f".partial-{secrets.token_hex(4)}-{name}"
        try:
            with os.fdopen(_open(partial, _CREATE, folder), "wb") as file:
                file.write(content)
            os.rename(partial, name, src_dir_fd=folder, dst_dir_fd=folder)
        finally:
            with suppress(FileNotFoundError):  # it has its name
                os.unlink(partial, dir_fd=folder)


def list_sizes(root: Path, folder: str) -> dict[str, int]:
    """The sizes of a folder's own files in bytes, by key and in the order of keys; none where it is missing."""
    sizes: dict[str, int] = {}
    prefix = f"{folder}/" if folder else ""
    with suppress(FileNotFoundError), open_parent(root, prefix) as (opened, _):
        for name in sorted(os.listdir(opened)):
            with suppress(FileNotFoundError):  # the checkpoint of a trial that has just ended
                found = _stat(name, opened)
                if S_ISREG(found.st_mode):
                    sizes[prefix + name] = found.st_size
    return sizes


def remove(root: Path, key: str) -> None:
    """Removes a file, a link, or a folder with all that is in it. Raises FileNotFoundError."""
    with open_parent(root, key) as (folder, name):
        if S_ISDIR(_stat(name, folder).st_mode):
            shutil.rmtree(name, dir_fd=folder)  # follows no links either
        else:
            os.unlink(name, dir_fd=folder)


def is_free_or_plain(root: Path, key: str) -> bool:
    """Whether a key's folder exists, and the key is that of a file or of nothing."""
    try:
        with open_parent(root, key) as (folder, name):
            with suppress(FileNotFoundError):
                return S_ISREG(_stat(name, folder).st_mode)
            return True
    except FileNotFoundError:
        return False


def _open(name: str, flags: int, folder: int | None = None) -> int:
    """A descriptor; FileNotFoundError also for what is taken for missing."""
    with _translate_missing(name):
        return os.open(name, flags | os.O_CLOEXEC, 0o666, dir_fd=folder)


def _stat(name: str, folder: int) -> os.stat_result:
    """The same for what a name in a folder is, which may be a link."""
    with _translate_missing(name):
        return os.stat(name, dir_fd=folder, follow_symlinks=False)


@contextmanager
def _translate_missing(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _MISSING:
            raise _missing(name) from None
        raise


def _missing(path: object) -> FileNotFoundError:
    return FileNotFoundError(f"no plain file or folder: {path}")
