"""The artifact store's interface: files that all hosts of a study share, by the keys of `storage/artifacts/keys.py`."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, BinaryIO, Protocol

from storage.artifacts.local import LocalFile

if TYPE_CHECKING:
    from optuna.artifacts._protocol import ArtifactStore


class Artifacts(Protocol):
    """An artifact store; `str` shows it to people. Where it fails, a folder raises OSError, a bucket StorageError."""

    @property
    def store(self) -> "ArtifactStore":
        """Optuna's interface to the same files."""

    def check(self, min_free_mib: int = 1) -> None:
        """Writes a probe file and removes it.

        Raises:
            StorageError: that fails, or a folder has less free space; a bucket does not tell how much it has.
        """

    def local(self, key: str) -> AbstractContextManager[LocalFile]:
        """The file, which need not exist, as one of this machine for as long as the context lasts."""

    def open(self, key: str) -> AbstractContextManager[BinaryIO]:
        """The file, open for reading. Raises FileNotFoundError."""

    def write(self, key: str, content: bytes) -> None:
        """Makes or replaces a file: whole or not at all, whenever the process is killed."""

    def sizes(self, folder: str = "") -> dict[str, int]:
        """The numbers of bytes of a folder's own files, by key; without those of its subfolders."""

    def remove(self, *keys: str) -> None:
        """Removes files, and folders with all that is in them; missing ones are no error."""

    def remove_unused_folders(self, keys: Iterable[str]) -> AbstractContextManager[None]:
        """At its end, removes folders that were made for the files during the context and are empty."""
