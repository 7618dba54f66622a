"""Writes a backup of studies, in the format of `manifest.py`, while workers go on.

All rows are of one snapshot. A checkpoint may be newer than the rows: a worker that resumes from it reports the epochs
that the rows lack.
"""

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from sqlalchemy import Connection, text

from storage.artifacts.interface import Artifacts
from storage.artifacts.listing import picture_ids, study_files
from storage.backup.manifest import (
    ARTIFACTS,
    FORMAT,
    MANIFEST,
    MAX_MANIFEST_BYTES,
    MAX_ROW_BYTES,
    MAX_STUDIES,
    MAX_TRIALS,
    Manifest,
    Progress,
    ignore_progress,
    rows_name,
)
from storage.backup.read import open_backup
from storage.database.connection import Database, translate_errors
from storage.database.engine import HOUR_S, patience
from storage.database.schema import own_version
from storage.errors import StorageError
from storage.studies.rows import TABLES, Table, check_columns, count_rows
from storage.studies.study import study_ids

BATCH_ROWS = 2000

# Makes PostgreSQL write numbers without loss and times in UTC, whatever the server's settings.
_SET_EXACT = text("select set_config('extra_float_digits', '1', true), set_config('TimeZone', 'UTC', true)")
_GET_OPTUNA_REVISION = text("select version_num from alembic_version")


def write_backup(
    db: Database, artifacts: Artifacts, path: Path, names: Sequence[str] = (), on_progress: Progress = ignore_progress
) -> Manifest:
    """Writes a backup of studies to a file; returns its manifest.

    Args:
        db: the database of the studies.
        artifacts: their artifact store.
        path: the file; an existing one is overwritten. The write is not atomic.
        names: the studies; all of the database where none is named.
        on_progress: called after every batch of rows, and before every file.

    Raises:
        StorageError: a study does not exist, the tables are of another version, or a bucket cannot be read.
        OSError: the file cannot be written.
    """
    with path.open("wb") as file:
        with ZipFile(file, "w", ZIP_DEFLATED) as archive:
            with _snapshot(db) as connection:
                studies = _choose_studies(connection, names)
                check_columns(connection)
                rows = _write_tables(archive, connection, list(studies.values()), on_progress)
                pictures = picture_ids(connection, studies)
                versions = _versions(connection)
            keys = [key for files in study_files(artifacts, pictures).values() for key in files]
            manifest = Manifest(
                format=FORMAT,
                created=datetime.now(UTC).isoformat(timespec="seconds"),
                versions=versions,
                studies=list(studies),
                rows=rows,
                files=_write_files(archive, artifacts, keys, on_progress),
            )
            archive.writestr(MANIFEST, manifest.model_dump_json(indent=2) + "\n")
        file.flush()
        os.fsync(file.fileno())
    with open_backup(path):  # what a restore refuses to open is no backup
        return manifest


@contextmanager
def _snapshot(db: Database) -> Iterator[Connection]:
    """A transaction that reads one state of the database; while it is open, the server keeps all rows of that state."""
    engine = db.engine.execution_options(isolation_level="REPEATABLE READ")
    with translate_errors(db.url), patience(HOUR_S), engine.connect() as connection:
        connection.execute(_SET_EXACT)
        yield connection


def _choose_studies(connection: Connection, names: Sequence[str]) -> dict[str, int]:
    """The ids of the studies by name, in the order of their ids."""
    found = study_ids(connection)
    missing = [name for name in names if name not in found]
    if missing or not found:
        raise StorageError(
            f"a study must exist to be backed up; got {', '.join(missing) or 'none'}; "
            f"in the database: {', '.join(sorted(found)) or 'none'}"
        )
    chosen = {name: key for name, key in found.items() if not names or name in names}
    if len(chosen) > MAX_STUDIES or sum(map(len, chosen)) > MAX_MANIFEST_BYTES // 8:
        raise _too_large(f"at most {MAX_STUDIES:,} studies, and short names; got {len(chosen):,}")
    return dict(sorted(chosen.items(), key=lambda study: study[1]))


def _write_files(archive: ZipFile, artifacts: Artifacts, keys: Sequence[str], on_progress: Progress) -> int:
    written = 0
    for done, key in enumerate(keys):
        on_progress("files", done, len(keys))
        member = ZipInfo(f"{ARTIFACTS}/{key}")  # stored: deflated, they would be no smaller
        with suppress(FileNotFoundError):  # the checkpoint of a trial that has just ended
            with artifacts.open(key) as source, archive.open(member, "w", force_zip64=True) as target:
                shutil.copyfileobj(source, target)
            written += 1
    return written


def _write_tables(archive: ZipFile, connection: Connection, ids: list[int], on_progress: Progress) -> dict[str, int]:
    counts = count_rows(connection, ids)
    if counts["trials"] > MAX_TRIALS:
        raise _too_large(f"at most {MAX_TRIALS:,} trials; got {counts['trials']:,}")
    done, total = 0, sum(counts.values())
    for table in TABLES:
        with archive.open(rows_name(table.name), "w", force_zip64=True) as file:
            for lines in _lines(connection, table, ids):
                for line in lines:
                    file.write(_encode(table, line))
                done += len(lines)
                on_progress("rows", done, total)
    return dict(counts)


def _encode(table: Table, line: str) -> bytes:
    encoded = f"{line}\n".encode()
    if len(encoded) > MAX_ROW_BYTES:
        raise _too_large(f"rows of at most {MAX_ROW_BYTES:,} bytes; got {len(encoded):,} in {table.name}")
    return encoded


def _too_large(rule: str) -> StorageError:
    return StorageError(f"a backup must have {rule}; back up some of the studies with --study")


def _lines(connection: Connection, table: Table, ids: list[int]) -> Iterable[Sequence[str]]:
    """The rows as JSON, in batches, so that neither this process nor the driver has all of a large study in memory."""
    rows = f"select {', '.join(table.columns)} from {table.name} where {table.of_studies} order by {table.order}"
    statement = text(f"select cast(row_to_json(r) as text) from ({rows}) r")
    result = connection.execute(statement, {"ids": ids}, execution_options={"yield_per": BATCH_ROWS})
    return result.scalars().partitions(BATCH_ROWS)


def _versions(connection: Connection) -> dict[str, str]:
    return {
        **{name: metadata.version(name) for name in ("unet-search", "optuna")},
        "tables of unet-search": str(own_version(connection)),
        "tables of optuna": str(connection.scalar(_GET_OPTUNA_REVISION)),
        "postgresql": str(connection.scalar(text("show server_version"))),
    }
