"""Artifacts in a folder that all hosts share, by keys such as checkpoints/STUDY/3."""

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from storage.artifacts.local import Local
from storage.errors import StorageError
from storage.folders import check_writable, without_empty_folders

if TYPE_CHECKING:
    from optuna.artifacts import FileSystemArtifactStore

WHAT_TO_DO = "free some space or give another folder with UNET_SEARCH_ARTIFACTS"


@dataclass(frozen=True)
class Folder:
    """A folder; a file's key is its path in it."""

    root: Path

    def __str__(self) -> str:
        return str(self.root)

    @property
    def store(self) -> "FileSystemArtifactStore":
        from optuna.artifacts import FileSystemArtifactStore

        return FileSystemArtifactStore(self.root)

    def check(self, room_mib: int = 1) -> None:
        check_writable(self.root, WHAT_TO_DO, room_mib)

    @contextmanager
    def local(self, key: str) -> Iterator[Local]:
        path = self.root / key
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unwritable(path.parent, error) from error
        yield Local(path)

    @contextmanager
    def open(self, key: str) -> Iterator[BinaryIO]:
        with (self.root / key).open("rb") as file:
            yield file

    def sizes(self, folder: str = "") -> dict[str, int]:
        found: dict[str, int] = {}
        path = self.root / folder
        if os.path.isdir(path):  # False, too, for a name too long for a folder
            for file in sorted(filter(os.path.isfile, path.iterdir())):
                with suppress(FileNotFoundError):  # the checkpoint of a trial that has just ended
                    found[file.relative_to(self.root).as_posix()] = os.path.getsize(file)
        return found

    def remove(self, *keys: str) -> None:
        for path in (self.root / key for key in keys):
            if os.path.isdir(path):
                shutil.rmtree(path)
            elif os.path.lexists(path):  # False, too, for a name too long
                path.unlink(missing_ok=True)

    @contextmanager
    def without_empty_folders(self, keys: Iterable[str]) -> Iterator[None]:
        with ExitStack() as stack:
            for folder in dict.fromkeys((self.root / key).parent for key in keys):
                stack.enter_context(without_empty_folders(folder))
            yield


def unwritable(place: object, error: OSError) -> StorageError:
    """The error of a folder that took a file no more."""
    return StorageError(f"the folder must be writable; got {place} ({error.strerror or error}); {WHAT_TO_DO}")
