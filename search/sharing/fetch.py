"""Fetches the copy of a study's data from the artifact store: once a host, checked, whole or not at all."""

import shutil
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep

from search.format import format_bytes
from search.sharing.progress import MIB, count_mib
from storage.artifacts.interface import Artifacts
from storage.artifacts.keys import is_copy_name
from storage.artifacts.parts import copy_bytes, read_description, receive_copy
from trainer.data.cache.folder import find_or_make
from trainer.data.cache.shared import SharedCopy, complete, local_key, read_shared
from trainer.data.progress import Progress
from trainer.errors import InputError

POLL_S = 2.0
ABSENT_S = 20.0  # how long a copy is waited for of which nothing is there: another host may be about to send it
STALLED_S = 300.0  # and one of which nothing more comes: its sender may be restarted

Tell = Callable[[str], None]  # a line for people


def fetch_data(artifacts: Artifacts, name: str, cache: Path, tell: Tell, progress: Progress) -> Path:
    """The folder of a shared copy on this host, for `data.path`; fetched where it is missing, while others wait.

    A copy that another host is sending is waited for.

    Args:
        artifacts: the store.
        name: of the copy.
        cache: the folder of decoded copies.
        tell: gets a line before something takes long.
        progress: told how far it is.

    Raises:
        InputError: the copy is not in the store or not as it was written, or the disk of this host is full.
        StorageError: the store cannot be read.
    """
    cache, key = cache.absolute(), local_key(name)
    if (cache / key).is_dir():
        return cache / key
    copy = _await_copy(artifacts, name, tell, progress)

    def fetch(folder: Path) -> None:
        needed = sum(copy.files.values())
        _check_space(needed, folder)
        tell(f"the study's data are fetched from {artifacts}: {format_bytes(needed)}")
        receive_copy(artifacts, name, copy.files, folder, count_mib("MiB of data fetched", progress))
        complete(folder, copy, progress)

    return find_or_make(cache, key, fetch)


def _await_copy(artifacts: Artifacts, name: str, tell: Tell, progress: Progress) -> SharedCopy:
    """The description of a copy, as soon as it is whole. Raises InputError, StorageError."""
    if not is_copy_name(name):
        raise InputError(
            f"a study's copy of its data must have a name of ours; got {name!r}; give --data, or share the data again "
            "with `unet-search init --share-data` where they are"
        )
    seen, since = -1, monotonic()
    while (text := read_description(artifacts, name)) is None:
        size = copy_bytes(artifacts, name)
        if seen < 0:
            tell(f"waits for the copy of the study's data in {artifacts}, which another host sends")
        if size != seen:
            seen, since = size, monotonic()
            progress("MiB that another host has sent", round(size / MIB), 0)
        elif monotonic() - since > (STALLED_S if size else ABSENT_S):
            raise InputError(
                f"the study's copy of its data must be whole; got {format_bytes(size)} without an end in {artifacts}; "
                "run `unet-search init` or `run` again where the data are, or give --data"
            )
        sleep(POLL_S)
    return read_shared(text, name)


def _check_space(needed: int, folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise InputError(
            f"the study's copy of its data must fit on the disk; got {format_bytes(needed)} with {format_bytes(free)} "
            f"free in {folder.parent}; free space there, or give another folder with --dir"
        )
