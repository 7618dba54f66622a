"""Reads a backup, which may be damaged or malicious: all of it is checked before any row is used."""

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

from storage.artifacts.keys import is_picture_id, is_trial_file, study_folders
from storage.backup.manifest import ARTIFACTS, FORMAT, MANIFEST, Manifest, Progress, ignore_progress, rows_name
from storage.errors import StorageError
from storage.studies.rows import TABLES, Table

MAX_MANIFEST_BYTES = 1 << 24
MAX_ROW_BYTES = 1 << 24  # a configuration has some thousand
CHUNK_BYTES = 1 << 20

Row = dict[str, Any]


@dataclass(frozen=True)
class Backup:
    """An open backup."""

    path: Path
    archive: ZipFile
    manifest: Manifest

    @cached_property
    def files(self) -> dict[str, ZipInfo]:
        """Pictures, checkpoints and weights, by their key in the artifact store."""
        prefix = f"{ARTIFACTS}/"
        members = {info.filename: info for info in self.archive.infolist()}
        return {name.removeprefix(prefix): info for name, info in members.items() if name.startswith(prefix)}

    def rows(self, table: Table) -> Iterator[Row]:
        """The rows of a table, one at a time."""
        with translate_file_errors(self.path), self.archive.open(rows_name(table.name)) as file:
            while line := file.readline(MAX_ROW_BYTES):
                row = json.loads(line)
                if not isinstance(row, dict) or row.keys() != {*table.columns}:
                    raise ValueError(f"a row of {table.name} must have the columns {', '.join(table.columns)}")
                yield row

    def chunks(self, info: ZipInfo) -> Iterator[bytes]:
        """The content of a file, in chunks; the checksum is compared after the last one."""
        with translate_file_errors(self.path), self.archive.open(info) as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk


@contextmanager
def open_backup(path: Path) -> Iterator[Backup]:
    """Opens a backup and checks the names in it. Raises StorageError for other files and other formats."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise StorageError(f"a backup must be a readable file; got {path}: {error.strerror}") from error
    with file:
        with translate_file_errors(path):
            archive = ZipFile(file)
            backup = Backup(path, archive, _read_manifest(path, archive))
            _check_names(backup)
        with archive:
            yield backup


def check_backup(backup: Backup, on_progress: Progress = ignore_progress) -> None:
    """Reads all of a backup. Raises StorageError where something is damaged or missing, or refers to a missing row."""
    total = sum(backup.manifest.rows.values())
    done, ids = 0, {"study_id": set[Any](), "trial_id": set[Any]()}
    with translate_file_errors(backup.path):
        for table in TABLES:
            before = done
            for row in backup.rows(table):
                _check_ids(table, row, ids)
                done += 1
                if done % 1000 == 0:
                    on_progress("rows checked", done, total)
            if done - before != backup.manifest.rows[table.name]:
                raise ValueError(f"{table.name} must have {backup.manifest.rows[table.name]} rows; got {done - before}")
        names = [row["study_name"] for row in backup.rows(TABLES[0])]
        if names != backup.manifest.studies:
            raise ValueError(f"the studies must be {backup.manifest.studies}; got {names}")
        for done, info in enumerate(backup.files.values()):
            on_progress("files checked", done, len(backup.files))
            for _ in backup.chunks(info):
                pass


@contextmanager
def translate_file_errors(path: Path) -> Iterator[None]:
    """Raises StorageError, one line, for errors of a damaged file."""
    try:
        yield
    except StorageError:
        raise
    # RuntimeError: encrypted, nested too deeply, or compressed in a way that Python does not know.
    except (BadZipFile, zlib.error, struct.error, EOFError, ValueError, KeyError, RuntimeError) as error:
        raise damaged_backup(path, error) from None


def damaged_backup(path: Path, reason: object) -> StorageError:
    """The error of a file that is no backup or a damaged one."""
    return StorageError(
        f"a backup must be a whole file of `unet-search db backup`; got {path}: {' '.join(str(reason).split())}; "
        "give another file"
    )


def _read_manifest(path: Path, archive: ZipFile) -> Manifest:
    info = archive.getinfo(MANIFEST)
    if info.file_size > MAX_MANIFEST_BYTES:
        raise ValueError(f"{MANIFEST} must have at most {MAX_MANIFEST_BYTES} bytes; got {info.file_size}")
    content = json.loads(archive.read(info))
    found = content.get("format") if isinstance(content, dict) else None
    if found != FORMAT:
        raise StorageError(
            f"a backup must be of format {FORMAT}, which this unet-search knows; got format {found!r} in {path}; "
            "restore it with the unet-search that wrote it, or a newer one"
        )
    return Manifest.model_validate(content)


def _check_names(backup: Backup) -> None:
    """Every name in the zip is one that a backup has, and there once; so no file is written outside the store."""
    manifest = backup.manifest
    if manifest.rows.keys() != {table.name for table in TABLES}:
        raise ValueError(f"it must hold the tables {', '.join(table.name for table in TABLES)}")
    folders = {folder for study in manifest.studies for folder in study_folders(study)}
    known = {MANIFEST, *(rows_name(table.name) for table in TABLES)}
    seen = set()
    for info in backup.archive.infolist():
        if not (info.filename in known or _is_artifact(info.filename, folders)) or info.filename in seen:
            raise ValueError(f"it must hold nothing else, and nothing twice; got {info.filename!r}")
        if info.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
            raise ValueError(f"{info.filename} must be stored or deflated; got method {info.compress_type}")
        seen.add(info.filename)
    if len(backup.files) != manifest.files:
        raise ValueError(f"it must hold {manifest.files} files; got {len(backup.files)}")


def _is_artifact(name: str, folders: set[str]) -> bool:
    """Whether it is the name of a picture, or of a checkpoint or weights in one of the folders."""
    first, _, key = name.partition("/")
    return first == ARTIFACTS and (is_picture_id(key) or (is_trial_file(key) and key.rpartition("/")[0] in folders))


def _check_ids(table: Table, row: Row, ids: dict[str, set[Any]]) -> None:
    """Every id is a number, and is defined once, before other rows refer to it."""
    for column in ids.keys() & row.keys():
        key, known = row[column], ids[column]
        defines = table.columns[0] == column and table.name in ("studies", "trials")
        if type(key) is not int or (key in known) == defines:
            raise ValueError(f"{column} of {table.name} must be {'new' if defines else 'known'}; got {key!r}")
        if defines:
            known.add(key)
