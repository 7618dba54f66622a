"""An artifact as a file of this machine."""

from collections.abc import Callable
from pathlib import Path


class LocalFile:
    """A file of this machine that stands for one of the artifact store.

    Args:
        path: where it is read and written; it need not exist.
        upload: copies it to the artifact store; None where the path lies in the store itself.
    """

    def __init__(self, path: Path, upload: Callable[[Path], None] | None = None) -> None:
        self.path = path
        self._upload = upload
        self._uploaded = _stamp(path)

    def is_changed(self) -> bool:
        """Whether the file has changed since it was downloaded or uploaded; False where there is nothing to upload."""
        return self._upload is not None and _stamp(self.path) not in (None, self._uploaded)

    def upload(self) -> None:
        """Uploads the file if it has changed. Raises StorageError."""
        if self._upload is not None and self.is_changed():
            stamp = _stamp(self.path)
            self._upload(self.path)
            self._uploaded = stamp


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """A value that changes whenever the file is written; None for a missing file."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
