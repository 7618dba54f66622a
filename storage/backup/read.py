"""Opens a backup, which may be damaged or malicious: names and sizes are checked before anything in it is read."""

import json
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from pydantic import ValidationError

from storage.artifacts.keys import is_picture_id, is_trial_file, study_folders
from storage.backup.manifest import (
    ARTIFACTS,
    FORMAT,
    MANIFEST,
    MAX_MANIFEST_BYTES,
    MAX_RATIO,
    MAX_ROW_BYTES,
    MIN_RATIO_BYTES,
    Manifest,
    rows_name,
)
from storage.errors import StorageError
from storage.studies.rows import TABLES, Table

CHUNK_BYTES = 1 << 20
MAX_REASON = 300  # characters of a message

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
        """The rows of a table, one at a time. Raises StorageError for more or fewer than the manifest says."""
        return (row for row, _ in self.sized_rows(table))

    def sized_rows(self, table: Table) -> Iterator[tuple[Row, int]]:
        """The same, each with its number of bytes."""
        expected, found = self.manifest.rows[table.name], 0
        with translate_file_errors(self.path), self.archive.open(rows_name(table.name)) as file:
            while line := file.readline(MAX_ROW_BYTES):
                row = json.loads(line)
                if not isinstance(row, dict) or row.keys() != {*table.columns}:
                    raise ValueError(f"a row of {table.name} must have the columns {', '.join(table.columns)}")
                yield row, len(line)
                found += 1
                if found > expected:
                    raise ValueError(f"{table.name} must have {expected:,} rows; got {found:,} or more")
            if found < expected:
                raise ValueError(f"{table.name} must have {expected:,} rows; got {found:,}")

    def chunks(self, info: ZipInfo) -> Iterator[bytes]:
        """The content of a file, in chunks; the checksum is compared after the last one."""
        with translate_file_errors(self.path), self.archive.open(info) as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk


@contextmanager
def open_backup(path: Path) -> Iterator[Backup]:
    """Opens a backup and checks the names in it. Raises StorageError for other files and other formats."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise StorageError(f"a backup must be a readable file; got {path}: a pipe or device; give a file")
    try:
        file = path.open("rb")
    except OSError as error:
        raise StorageError(f"a backup must be a readable file; got {path}: {error.strerror}") from error
    with file:
        with translate_file_errors(path):
            archive = ZipFile(file)
            backup = Backup(path, archive, _read_manifest(path, archive))
            _check_names(backup)
            _check_sizes(backup, os.fstat(file.fileno()).st_size)
        with archive:
            yield backup


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
    if isinstance(reason, ValidationError):
        first = reason.errors(include_url=False, include_input=False)[0]
        reason = ": ".join([*map(str, first["loc"]), first["msg"].removeprefix("Value error, ")])
    shown = " ".join(str(reason)[:MAX_REASON].split())
    shown = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in shown)
    return StorageError(
        f"a backup must be a whole file of `unet-search db backup`; got {path}: {shown}; give another file"
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


def _check_sizes(backup: Backup, size: int) -> None:
    """Files take no more bytes than the backup does, and rows no more than rows may, before any of them is unpacked."""
    members = backup.archive.infolist()
    packed = sum(info.compress_size for info in members)
    if packed > size:
        raise ValueError(f"what it holds must be in it once; got {packed:,} bytes in {size:,}")
    files = set(backup.files.values())
    for info in members:
        if info in files:
            if info.compress_type != ZIP_STORED or info.file_size != info.compress_size:
                raise ValueError(f"{info.filename} must be stored as it is; got a compressed one")
        elif info.file_size > max(MAX_RATIO * info.compress_size, MIN_RATIO_BYTES):
            raise ValueError(
                f"{info.filename} must be deflated to more than 1/{MAX_RATIO} of its size; "
                f"got {info.file_size:,} bytes in {info.compress_size:,}"
            )
