"""Artifacts in a folder that all hosts share, by keys such as checkpoints/STUDY/3."""

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from typing_extensions import override

from storage.artifacts.interface import Artifacts
from storage.artifacts.local import LocalFile
from storage.errors import StorageError
from storage.folders import check_writable, remove_unused_folders

if TYPE_CHECKING:
    from optuna.artifacts import FileSystemArtifactStore

REMEDY = "free some space or give another folder with UNET_SEARCH_ARTIFACTS"  # the end of an error message


@dataclass(frozen=True)
class Folder(Artifacts):
    """A folder; a file's key is its path in it."""

    root: Path

    def __str__(self) -> str:
        return str(self.root)

    @property
    @override
    def store(self) -> "FileSystemArtifactStore":
        from optuna.artifacts import FileSystemArtifactStore

        return FileSystemArtifactStore(self.root)

    @override
    def check(self, min_free_mib: int = 1) -> None:
        check_writable(self.root, REMEDY, min_free_mib)

    @override
    @contextmanager
    def local(self, key: str) -> Iterator[LocalFile]:
        path = self.root / key
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unwritable(path.parent, error) from error
        yield LocalFile(path)

    @override
    @contextmanager
    def open(self, key: str) -> Iterator[BinaryIO]:
        with (self.root / key).open("rb") as file:
            yield file

    @override
    def sizes(self, folder: str = "") -> dict[str, int]:
        found: dict[str, int] = {}
        path = self.root / folder
        if os.path.isdir(path):  # unlike Path.is_dir, False for a name too long for a folder
            for file in sorted(filter(os.path.isfile, path.iterdir())):
                with suppress(FileNotFoundError):  # the checkpoint of a trial that has just ended
                    found[file.relative_to(self.root).as_posix()] = os.path.getsize(file)
        return found

    @override
    def remove(self, *keys: str) -> None:
        for path in (self.root / key for key in keys):
            if os.path.isdir(path):
                shutil.rmtree(path)
            elif os.path.lexists(path):  # False for a name that is too long
                path.unlink(missing_ok=True)

    @override
    @contextmanager
    def remove_unused_folders(self, keys: Iterable[str]) -> Iterator[None]:
        with ExitStack() as stack:
            for folder in dict.fromkeys((self.root / key).parent for key in keys):
                stack.enter_context(remove_unused_folders(folder))
            yield


def unwritable(place: object, error: OSError) -> StorageError:
    """The error of a folder in which a file could not be written."""
    return StorageError(f"the folder must be writable; got {place} ({error.strerror or error}); {REMEDY}")
