"""Where data lie: a path that a user gave."""

from pathlib import Path

from trainer.data.disk.read import ARRAY_SUFFIXES
from trainer.errors import InputError, printable


def find_place(path: str | Path) -> Path:
    """The file or folder of a path. Raises InputError where there is none."""
    try:
        place = Path(path).expanduser()
        known = place.is_file() or place.is_dir()
    except (OSError, ValueError, RuntimeError):  # a name that is too long, or has a zero byte; an unknown ~user
        known = False
    if not known:
        raise InputError(
            f"data must be an npz file or a folder; got {printable(path)}, which is neither; correct the path, or "
            "name the place they have moved to with --data"
        )
    return place


def find_folder(path: str, key: str) -> Path:
    """The folder of a path in the configuration. Raises InputError where there is none."""
    place = find_place(path)
    if not place.is_dir():
        raise InputError(f"data.{key} must be a folder; got {printable(path)}; correct the path")
    return place


def is_array_file(path: str | Path) -> bool:
    """Whether the name ends as that of a file of arrays."""
    return Path(path).suffix.lower() in ARRAY_SUFFIXES
