"""The folder of what is kept of data sets: made by one process while others wait, complete or not there."""

import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from trainer.errors import InputError
from trainer.files import atomic_write

_PARTIAL = ".partial-"


def find_or_make(cache: Path, key: str, make: Callable[[Path], None]) -> Path:
    """The folder `cache/key`; where it is missing, `make` fills a new one, which then takes this name.

    Only one process makes it. What killed ones left is removed. Raises InputError where it cannot be written.
    """
    entry = cache / key
    if entry.is_dir():
        return entry
    with _locked(cache):
        if entry.is_dir():
            return entry
        for abandoned in cache.glob(f"{_PARTIAL}{key}-*"):  # of processes that were killed, since the lock is ours
            shutil.rmtree(abandoned, ignore_errors=True)
        partial = cache / f"{_PARTIAL}{key}-{secrets.token_hex(4)}"
        try:
            partial.mkdir()
            make(partial)
            with suppress(FileExistsError):  # another process has made it, where there are no locks
                partial.rename(entry)
        except OSError as error:
            raise InputError(
                f"the decoded copy of the data must be writable; got {error.strerror or error} in {cache}; "
                "free space there, or give another folder with --dir"
            ) from None
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return entry


def recall(cache: Path | None, key: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The plain values that are kept as `cache/key.json`; made where they are missing. None keeps nothing."""
    if cache is None:
        return make()
    path = cache / f"{key}.json"
    if (kept := _read_json(path)) is not None:
        return kept
    with _locked(cache):
        if (kept := _read_json(path)) is not None:
            return kept
        made = make()
        with suppress(OSError), atomic_write(path) as partial:  # else it is made again
            partial.write_text(json.dumps(made), "utf-8")
    return made


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        kept = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return kept if isinstance(kept, dict) else None


@contextmanager
def _locked(cache: Path) -> Iterator[None]:
    """Holds the folder's lock, which ends with the process; a new folder that stays empty is removed.

    Without a lock where the file system has none for folders, as NFS: then several processes may make the same.
    """
    try:
        cache.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(cache, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise InputError(
            f"the folder of the decoded copy must be writable; got {error.strerror or error} in {cache}; "
            "give another one with --dir"
        ) from None
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        with suppress(OSError):  # it is not empty, as nearly always
            cache.rmdir()
        os.close(descriptor)
