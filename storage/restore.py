"""A backup's studies, put into a database that may hold others, in one transaction.

Names, trial numbers and artifact ids stay. Ids of studies and trials are given anew, in the same order; RUNNING trials
come without a slot, so that the next worker goes on with them.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from sqlalchemy import Connection, text
from sqlalchemy.exc import DataError, IntegrityError

from storage.archive import Backup, Row, not_whole
from storage.artifacts import Artifacts
from storage.database import Database, reported
from storage.errors import StorageError
from storage.kept import TABLES, Table, check_columns
from storage.manifest import Tell, silent
from storage.putback import files_put_back
from storage.schema import RESTORE, lock

ROWS_AT_ONCE = 1000
CHARACTERS_AT_ONCE = 1 << 22

NEW_STUDY = text("""
    insert into studies (study_name) values (:name) on conflict (study_name) do nothing returning study_id""")
NEW_TRIALS = text("select nextval(pg_get_serial_sequence('trials', 'trial_id')) from generate_series(1, :count)")
NAMED = text("select study_name from studies where study_name = any(:names) order by 1")

# The dashboard names a trial by its id in the keys of its study's attributes: notes, and older artifacts.
NAMES_TRIAL = re.compile(r"(dashboard:(?:artifacts:)?)([0-9]+)(:.*)", re.DOTALL)

Ids = dict[int, int]  # by the id in the backup, the one in the database


def restore_backup(db: Database, artifacts: Artifacts, backup: Backup, tell: Tell = silent) -> None:
    """Puts a checked backup into the database, and its files into the artifact store: all or nothing.

    Raises:
        StorageError: a study of that name exists, a file of that name has other content, or a value is none of its
            column's type.
        StorageError, OSError: a file cannot be written.
    """
    with reported(db.url), db.engine.begin() as connection:
        lock(connection, RESTORE)  # so that no other restore takes files for its own that this one may take away
        check_columns(connection)
        _refuse_existing(connection, backup.manifest.studies)
        with files_put_back(backup, artifacts, tell):
            try:
                _insert_all(connection, backup, tell)
            except (DataError, IntegrityError) as error:
                raise not_whole(backup.path, str(error.orig).split("\n", 1)[0]) from None


def _refuse_existing(connection: Connection, names: Sequence[str]) -> None:
    existing = connection.scalars(NAMED, {"names": list(names)}).all()
    if existing:
        raise _exists(existing)


def _exists(names: Iterable[str]) -> StorageError:
    return StorageError(
        f"a restored study must be new in the database; got {', '.join(names)}, which is there; "
        "delete it with `unet-search study delete`, or restore into another database"
    )


def _insert_all(connection: Connection, backup: Backup, tell: Tell) -> None:
    studies, trials, *others = TABLES
    done, total = 0, sum(backup.manifest.rows.values())
    study_ids = {row["study_id"]: _new_study(connection, row["study_name"]) for row in backup.rows(studies)}
    trial_ids: Ids = {}
    for rows in _batches(backup.rows(trials)):
        trial_ids |= zip((row["trial_id"] for row in rows), _new_trials(connection, len(rows)), strict=True)
        _insert(connection, trials, rows, _renamed(study_ids, trial_ids))
        tell("rows", done := done + len(rows), total)
    for table in others:
        for rows in _batches(backup.rows(table)):
            _insert(connection, table, rows, _renamed(study_ids, trial_ids))
            tell("rows", done := done + len(rows), total)


def _new_study(connection: Connection, name: str) -> int:
    study_id: int | None = connection.scalar(NEW_STUDY, {"name": name})
    if study_id is None:  # another command made it at this moment
        raise _exists([name])
    return study_id


def _new_trials(connection: Connection, count: int) -> Sequence[int]:
    return connection.scalars(NEW_TRIALS, {"count": count}).all()


def _insert(connection: Connection, table: Table, rows: Sequence[Row], rename: Callable[[Row], Row]) -> None:
    """PostgreSQL itself reads the values: every type comes back as it was written."""
    columns = ", ".join(table.columns)
    statement = f"""
        insert into {table.name} ({columns})
        select {columns} from json_populate_recordset(cast(null as {table.name}), cast(:rows as json))"""
    connection.execute(text(statement), {"rows": json.dumps([rename(row) for row in rows])})


def _renamed(study_ids: Ids, trial_ids: Ids) -> Callable[[Row], Row]:
    """Gives rows with the database's ids for the backup's."""

    def rename(row: Row) -> Row:
        changes: Row = {}
        if "study_id" in row:
            changes["study_id"] = study_ids[row["study_id"]]
        if "trial_id" in row:
            changes["trial_id"] = trial_ids[row["trial_id"]]
        if match := NAMES_TRIAL.fullmatch(str(row.get("key"))):
            before, trial_id, behind = match.groups()
            changes["key"] = f"{before}{trial_ids.get(int(trial_id), trial_id)}{behind}"
        return row | changes

    return rename


def _batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    batch: list[Row] = []
    characters = 0
    for row in rows:
        batch.append(row)
        characters += sum(len(value) for value in row.values() if isinstance(value, str))
        if len(batch) >= ROWS_AT_ONCE or characters >= CHARACTERS_AT_ONCE:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch
