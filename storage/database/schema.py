"""Our tables beside Optuna's, and the locks that guard both. All names begin with `unet_search_`.

Rows go with their study or trial when Optuna or its dashboard deletes it.
"""

from sqlalchemy import Connection, text

from storage.errors import StorageError

VERSION = 1  # of our tables
STEPS: dict[int, tuple[str, ...]] = {}  # by version, the statements that make it of the version before
LOCKS = 0x756E6574  # first key of our advisory locks, "unet"; the second is a study's id or one of these
SCHEMA, RESTORE = 0, -1  # below them, the notes of studies
MARKER = "unet_search_configurations"  # the table made last: where it stands, all do

# What is frozen in a study, how many trials it may have, and why it was stopped (null: it goes on).
STUDIES = """
create table if not exists unet_search_studies (
  study_id integer primary key references studies on delete cascade,
  question jsonb,
  budget integer check (budget >= 0),
  stop_reason text,
  created timestamptz not null default now()
)"""

# A place of the budget that a worker holds. No trial yet: between claim and ask. No owner: released.
SLOTS = """
create table if not exists unet_search_slots (
  slot uuid primary key,
  study_id integer not null references studies on delete cascade,
  trial_id integer unique references trials on delete cascade,
  owner uuid,
  worker text not null,
  expires timestamptz not null
)"""
SLOTS_BY_STUDY = "create index if not exists unet_search_slots_study on unet_search_slots (study_id)"

# Which trial has a configuration, by the configuration's hash.
CONFIGURATIONS = """
create table if not exists unet_search_configurations (
  study_id integer not null references studies on delete cascade,
  digest text not null,
  trial_id integer not null references trials on delete cascade,
  primary key (study_id, digest)
)"""
CONFIGURATIONS_BY_TRIAL = (
    "create index if not exists unet_search_configurations_trial on unet_search_configurations (trial_id)"
)

# The version of our tables, one row.
VERSIONS = """
create table if not exists unet_search_version (
  single boolean primary key default true check (single),
  version integer not null
)"""
GET_VERSION = text("select version from unet_search_version")
SET_VERSION = text("""
    insert into unet_search_version (version) values (:version)
    on conflict (single) do update set version = excluded.version""")

LOCK = text("select pg_advisory_xact_lock(:locks, :key)")


def lock(connection: Connection, key: int) -> None:
    """Waits for the lock of a study (its id), SCHEMA or RESTORE; the end of the transaction gives it back."""
    connection.execute(LOCK, {"locks": LOCKS, "key": key})


def lock_note(connection: Connection, study_id: int) -> None:
    """The same for a study's note, so that no claim waits for who writes it."""
    lock(connection, RESTORE - study_id)


def create_own_tables(connection: Connection) -> None:
    """Makes our tables where they are missing; Optuna's must exist, and none of ours be of another version."""
    if has_tables(connection):
        check_version(connection)
    for statement in (STUDIES, SLOTS, SLOTS_BY_STUDY, CONFIGURATIONS, CONFIGURATIONS_BY_TRIAL, VERSIONS):
        connection.execute(text(statement))
    connection.execute(SET_VERSION, {"version": VERSION})


def upgrade_own_tables(connection: Connection) -> tuple[int, int]:
    """Brings our tables to VERSION, under the schema's lock; gives the versions before and after."""
    before = own_version(connection)
    if before > VERSION:
        check_version(connection)
    for version in range(before + 1, VERSION + 1):
        for statement in STEPS[version]:
            connection.execute(text(statement))
    connection.execute(text(VERSIONS))
    connection.execute(SET_VERSION, {"version": VERSION})
    return before, VERSION


def has_tables(connection: Connection) -> bool:
    """Says whether the database holds our tables, and with them Optuna's."""
    return has_table(connection, MARKER)


def has_table(connection: Connection, name: str) -> bool:
    """Says whether there is a table of that name."""
    return connection.scalar(text("select to_regclass(:name)"), {"name": name}) is not None


def own_version(connection: Connection) -> int:
    """The version of our tables; 1 for those that were made before it was kept."""
    found = connection.scalar(GET_VERSION) if has_table(connection, "unet_search_version") else None
    return 1 if found is None else int(found)


def check_version(connection: Connection) -> None:
    """Raises StorageError where our tables are not of this program's version."""
    found = own_version(connection)
    if found != VERSION:
        raise StorageError(
            f"the database's tables must be of version {VERSION}, which this unet-search knows; got version {found}; "
            + ("run `unet-search db upgrade`" if found < VERSION else "install a newer unet-search")
        )
