"""A backup file, written and restored."""

from pathlib import Path

from storage.artifacts.folder import Folder
from storage.artifacts.store import Artifacts
from storage.backup.read import check_backup, open_backup
from storage.backup.restore import restore_backup
from storage.backup.write import write_backup
from storage.database.connection import Database


def back_up(db: Database, artifacts: Artifacts, path: Path, *names: str) -> Path:
    """Writes the studies of these names, all when none is named, to a file."""
    write_backup(db, artifacts, path, names)
    return path


def restore(db: Database, to: Artifacts | Path, path: Path) -> None:
    """Checks and restores a file, as the command does."""
    with open_backup(path) as backup:
        check_backup(backup)
        restore_backup(db, Folder(to) if isinstance(to, Path) else to, backup)
