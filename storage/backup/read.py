"""A backup that was handed in. It is data: everything in it is checked before a row of it is used."""

import json
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from storage.artifacts.store import FOLDERS, IS_ID, folder_name
from storage.backup.manifest import ARTIFACTS, FORMAT, MANIFEST, Manifest, Tell, rows_name, silent
from storage.errors import StorageError
from storage.studies.rows import TABLES, Table

MANIFEST_BYTES = 1 << 24
LINE_BYTES = 1 << 24  # a row's; a configuration has some thousand
PIECE_BYTES = 1 << 20

Row = dict[str, Any]


@dataclass(frozen=True)
class Backup:
    """An open backup."""

    path: Path
    archive: ZipFile
    manifest: Manifest

    @cached_property
    def files(self) -> dict[str, ZipInfo]:
        """Pictures, checkpoints and weights, by their place in the artifact store."""
        inside = {info.filename: info for info in self.archive.infolist()}
        return {name.removeprefix(f"{ARTIFACTS}/"): inside[name] for name in inside if name.startswith(f"{ARTIFACTS}/")}

    def rows(self, table: Table) -> Iterator[Row]:
        """The rows of a table, one at a time."""
        with readable(self.path), self.archive.open(rows_name(table.name)) as file:
            while line := file.readline(LINE_BYTES):
                row = json.loads(line)
                if not isinstance(row, dict) or row.keys() != {*table.columns}:
                    raise ValueError(f"a row of {table.name} must have the columns {', '.join(table.columns)}")
                yield row

    def pieces(self, info: ZipInfo) -> Iterator[bytes]:
        """The content of a file, some at a time; its end is a check of the whole."""
        with readable(self.path), self.archive.open(info) as file:
            while piece := file.read(PIECE_BYTES):
                yield piece


@contextmanager
def open_backup(path: Path) -> Iterator[Backup]:
    """Opens a backup and checks its list of contents; StorageError where it is none, or another format's."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise StorageError(f"a backup must be a readable file; got {path}: {error.strerror}") from error
    with file:
        with readable(path):
            archive = ZipFile(file)
            backup = Backup(path, archive, _read_manifest(path, archive))
            _check_names(backup)
        with archive:
            yield backup


def check_backup(backup: Backup, tell: Tell = silent) -> None:
    """Reads all of it; a StorageError where something is damaged, missing or refers to what is not there."""
    total = sum(backup.manifest.rows.values())
    done, ids = 0, {"study_id": set[Any](), "trial_id": set[Any]()}
    with readable(backup.path):
        for table in TABLES:
            before = done
            for row in backup.rows(table):
                _check_ids(table, row, ids)
                done += 1
                if done % 1000 == 0:
                    tell("rows checked", done, total)
            if done - before != backup.manifest.rows[table.name]:
                raise ValueError(f"{table.name} must have {backup.manifest.rows[table.name]} rows; got {done - before}")
        names = [row["study_name"] for row in backup.rows(TABLES[0])]
        if names != backup.manifest.studies:
            raise ValueError(f"the studies must be {backup.manifest.studies}; got {names}")
        for done, info in enumerate(backup.files.values()):
            tell("files checked", done, len(backup.files))
            for _ in backup.pieces(info):
                pass


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Makes one line of what is wrong with the file."""
    try:
        yield
    except StorageError:
        raise
    # RuntimeError: encrypted, nested too deeply, or compressed in a way that Python does not know.
    except (BadZipFile, zlib.error, struct.error, EOFError, ValueError, KeyError, RuntimeError) as error:
        raise not_whole(path, error) from None


def not_whole(path: Path, reason: object) -> StorageError:
    """The error of a file that is no backup, or a damaged one."""
    return StorageError(
        f"a backup must be a whole file of `unet-search db backup`; got {path}: {' '.join(str(reason).split())}; "
        "give another file"
    )


def _read_manifest(path: Path, archive: ZipFile) -> Manifest:
    info = archive.getinfo(MANIFEST)
    if info.file_size > MANIFEST_BYTES:
        raise ValueError(f"{MANIFEST} must have at most {MANIFEST_BYTES} bytes; got {info.file_size}")
    content = json.loads(archive.read(info))
    found = content.get("format") if isinstance(content, dict) else None
    if found != FORMAT:
        raise StorageError(
            f"a backup must be of format {FORMAT}, which this unet-search knows; got format {found!r} in {path}; "
            "restore it with the unet-search that wrote it, or a newer one"
        )
    return Manifest.model_validate(content)


def _check_names(backup: Backup) -> None:
    """Nothing but what a backup holds is in the file, each once: no name leads out of the artifact store."""
    manifest = backup.manifest
    if manifest.rows.keys() != {table.name for table in TABLES}:
        raise ValueError(f"it must hold the tables {', '.join(table.name for table in TABLES)}")
    folders = {folder_name(study) for study in manifest.studies}
    rows = {rows_name(table.name) for table in TABLES}
    seen = set()
    for info in backup.archive.infolist():
        known = info.filename == MANIFEST or info.filename in rows or _is_file(info.filename, folders)
        if not known or info.filename in seen:
            raise ValueError(f"it must hold nothing else, and nothing twice; got {info.filename!r}")
        if info.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
            raise ValueError(f"{info.filename} must be stored or deflated; got method {info.compress_type}")
        seen.add(info.filename)
    if len(backup.files) != manifest.files:
        raise ValueError(f"it must hold {manifest.files} files; got {len(backup.files)}")


def _is_file(name: str, folders: set[str]) -> bool:
    match name.split("/"):
        case [first, artifact]:
            return first == ARTIFACTS and IS_ID.fullmatch(artifact) is not None
        case [first, kind, folder, file] if first == ARTIFACTS and kind in FOLDERS and folder in folders:
            return FOLDERS[kind].fullmatch(file) is not None
    return False


def _check_ids(table: Table, row: Row, ids: dict[str, set[Any]]) -> None:
    """Ids are numbers, defined once, before they are named."""
    for column in ids.keys() & row.keys():
        key, known = row[column], ids[column]
        defines = table.columns[0] == column and table.name in ("studies", "trials")
        if type(key) is not int or (key in known) == defines:
            raise ValueError(f"{column} of {table.name} must be {'new' if defines else 'known'}; got {key!r}")
        if defines:
            known.add(key)
