"""An artifact as a file of this machine."""

from collections.abc import Callable
from pathlib import Path


class Local:
    """A kept file as one of this machine: read and written at `path`, which need not exist.

    upload: brings the file at `path` to where it is kept; None where it is kept at `path` itself
    """

    def __init__(self, path: Path, upload: Callable[[Path], None] | None = None) -> None:
        self.path = path
        self._upload = upload
        self._kept = _stamp(path)

    def changed(self) -> bool:
        """Whether the file was written since it was last pushed, and there is somewhere to push it to."""
        return self._upload is not None and _stamp(self.path) not in (None, self._kept)

    def push(self) -> None:
        """Keeps the file as it is now, if it changed. Raises StorageError."""
        if self._upload is not None and self.changed():
            stamp = _stamp(self.path)
            self._upload(self.path)
            self._kept = stamp


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """Differs once a file was written again; None where there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
