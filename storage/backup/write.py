"""Studies with their rows, pictures, checkpoints and weights, written to one file of the form in `manifest.py`.

All rows are of one snapshot, taken while workers go on. A checkpoint may be newer than the rows: its worker reports
what the rows lack when it goes on with the trial.
"""

import os
import shutil
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from sqlalchemy import Connection, text

from storage.artifacts.store import Artifacts, study_files
from storage.backup.manifest import ARTIFACTS, FORMAT, MANIFEST, Manifest, Tell, rows_name, silent
from storage.database.connection import Database, reported
from storage.database.schema import own_version
from storage.errors import StorageError
from storage.studies.rows import TABLES, Table, check_columns, count_rows
from storage.studies.study import STUDIES

ROWS_AT_ONCE = 2000

# Numbers to the last digit and times in UTC, whatever the server is set to.
EXACT = text("select set_config('extra_float_digits', '1', true), set_config('TimeZone', 'UTC', true)")
REVISION = text("select version_num from alembic_version")


def write_backup(
    db: Database, artifacts: Artifacts, path: Path, names: Sequence[str] = (), tell: Tell = silent
) -> Manifest:
    """Writes the studies of these names (none: all) to a new file; gives what is in it.

    Args:
        path: written over where it exists; the caller sees to it that half a file is never taken for a whole one.

    Raises:
        StorageError: there is no such study, the tables are another version's, or a bucket cannot be read.
        OSError: the file cannot be written.
    """
    engine = db.engine.execution_options(isolation_level="REPEATABLE READ")
    with path.open("wb") as file:
        with (
            reported(db.url),
            engine.connect() as connection,
            ZipFile(file, "w", ZIP_DEFLATED) as archive,
        ):
            connection.execute(EXACT)
            studies = _choose(connection, names)
            check_columns(connection)
            keys = [key for files in study_files(connection, artifacts, studies).values() for key in files]
            written = _write_files(archive, artifacts, keys, tell)
            rows = _write_tables(archive, connection, list(studies.values()), tell)
            manifest = Manifest(
                format=FORMAT,
                created=datetime.now(UTC).isoformat(timespec="seconds"),
                versions=_versions(connection),
                studies=list(studies),
                rows=rows,
                files=written,
            )
            archive.writestr(MANIFEST, manifest.model_dump_json(indent=2) + "\n")
        file.flush()
        os.fsync(file.fileno())
    return manifest


def _choose(connection: Connection, names: Sequence[str]) -> dict[str, int]:
    """Names and ids of the studies, in their order in the database."""
    found = {row.study_name: row.study_id for row in connection.execute(STUDIES)}
    missing = [name for name in names if name not in found]
    if missing or not found:
        raise StorageError(
            f"a study must exist to be kept; got {', '.join(missing) or 'none'}; "
            f"in the database: {', '.join(sorted(found)) or 'none'}"
        )
    chosen = {name: key for name, key in found.items() if not names or name in names}
    return dict(sorted(chosen.items(), key=lambda study: study[1]))


def _write_files(archive: ZipFile, artifacts: Artifacts, keys: Sequence[str], tell: Tell) -> int:
    written = 0
    for done, key in enumerate(keys):
        tell("files", done, len(keys))
        stored = ZipInfo(f"{ARTIFACTS}/{key}")  # no smaller deflated
        with suppress(FileNotFoundError):  # the checkpoint of a trial that has just ended
            with artifacts.open(key) as source, archive.open(stored, "w", force_zip64=True) as target:
                shutil.copyfileobj(source, target)
            written += 1
    return written


def _write_tables(archive: ZipFile, connection: Connection, ids: list[int], tell: Tell) -> dict[str, int]:
    counts = count_rows(connection, ids)
    done, total = 0, sum(counts.values())
    for table in TABLES:
        with archive.open(rows_name(table.name), "w", force_zip64=True) as file:
            for lines in _lines(connection, table, ids):
                file.write("".join(f"{line}\n" for line in lines).encode())
                done += len(lines)
                tell("rows", done, total)
    return dict(counts)


def _lines(connection: Connection, table: Table, ids: list[int]) -> Iterable[Sequence[str]]:
    """The rows as JSON, some at a time: a large study is never held as a whole, here or by the driver."""
    rows = f"select {', '.join(table.columns)} from {table.name} where {table.of_studies} order by {table.order}"
    statement = text(f"select cast(row_to_json(kept) as text) from ({rows}) kept")
    result = connection.execute(statement, {"ids": ids}, execution_options={"yield_per": ROWS_AT_ONCE})
    return result.scalars().partitions(ROWS_AT_ONCE)  # without it: all rows at once


def _versions(connection: Connection) -> dict[str, str]:
    return {
        **{name: metadata.version(name) for name in ("unet-search", "optuna")},
        "tables of unet-search": str(own_version(connection)),
        "tables of optuna": str(connection.scalar(REVISION)),
        "postgresql": str(connection.scalar(text("show server_version"))),
    }
