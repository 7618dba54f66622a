"""A backup file: written, changed, checked and restored."""

from collections.abc import Callable
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

from storage.artifacts.folder import Folder
from storage.artifacts.interface import Artifacts
from storage.backup.check import check_backup
from storage.backup.read import open_backup
from storage.backup.restore import restore_backup
from storage.backup.write import write_backup
from storage.database.connection import Database

Members = dict[str, bytes]  # the members of a backup's zip, by name


def back_up(db: Database, artifacts: Artifacts, path: Path, *names: str) -> Path:
    """Writes the studies of these names, all when none is named, to a file."""
    write_backup(db, artifacts, path, names)
    return path


def restore(db: Database, target: Artifacts | Path, path: Path) -> None:
    """Checks a file and restores it, as the command does, to an artifact store or a folder."""
    with open_backup(path) as backup:
        check_backup(backup)
        restore_backup(db, Folder(target) if isinstance(target, Path) else target, backup)


def change_backup(path: Path, change: Callable[[Members], object]) -> None:
    """Applies a change to the members of a backup."""
    with ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content, ZIP_STORED if name.startswith("artifacts/") else ZIP_DEFLATED)
