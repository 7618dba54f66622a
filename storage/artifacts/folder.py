"""Artifacts in a folder that all hosts share, by keys such as checkpoints/STUDY/3.

Links in it are neither followed nor served, and no pipe or device is opened.
"""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from typing_extensions import override

from storage.artifacts import nofollow
from storage.artifacts.interface import Artifacts
from storage.artifacts.local import LocalFile
from storage.errors import StorageError
from storage.folders import check_writable, remove_unused_folders

if TYPE_CHECKING:
    from storage.artifacts.optuna_folder import OptunaFolder

REMEDY = "free some space or give another folder with UNET_SEARCH_ARTIFACTS"  # the end of an error message


@dataclass(frozen=True)
class Folder(Artifacts):
    """A folder; a file's key is its path in it."""

    root: Path

    def __str__(self) -> str:
        return str(self.root)

    @property
    @override
    def store(self) -> "OptunaFolder":
        from storage.artifacts.optuna_folder import OptunaFolder

        return OptunaFolder(self.root)

    @override
    def check(self, min_free_mib: int = 1) -> None:
        check_writable(self.root, REMEDY, min_free_mib)

    @override
    @contextmanager
    def local(self, key: str) -> Iterator[LocalFile]:
        self._make_place(key)
        yield LocalFile(self.root / key)

    @override
    @contextmanager
    def open(self, key: str) -> Iterator[BinaryIO]:
        with nofollow.open_file(self.root, key) as file:
            yield file

    @override
    def write(self, key: str, content: bytes) -> None:
        self._make_place(key)
        try:
            nofollow.replace_file(self.root, key, content)
        except OSError as error:
            raise unwritable((self.root / key).parent, error) from error

    @override
    def sizes(self, folder: str = "") -> dict[str, int]:
        return nofollow.list_sizes(self.root, folder)

    @override
    def remove(self, *keys: str) -> None:
        for key in keys:
            with suppress(FileNotFoundError):
                nofollow.remove(self.root, key)

    @override
    @contextmanager
    def remove_unused_folders(self, keys: Iterable[str]) -> Iterator[None]:
        with ExitStack() as stack:
            for folder in dict.fromkeys((self.root / key).parent for key in keys):
                stack.enter_context(remove_unused_folders(folder))
            yield

    def _make_place(self, key: str) -> None:
        """Makes the folders of a file. Raises StorageError where that fails, or links are in the way."""
        path = self.root / key
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            usable = nofollow.is_free_or_plain(self.root, key)
        except OSError as error:
            raise unwritable(path.parent, error) from error
        if not usable:
            raise StorageError(
                f"a file of the artifact store must be a plain one in plain folders; got a link or the like at {path}; "
                "remove that"
            )


def unwritable(place: object, error: OSError) -> StorageError:
    """The error of a folder in which a file could not be written."""
    return StorageError(f"the folder must be writable; got {place} ({error.strerror or error}); {REMEDY}")
