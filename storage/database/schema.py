"""Our tables beside Optuna's, and the locks that guard both.

The tables' names begin with `unet_search_`. A row is deleted with its study or trial, also by Optuna's dashboard.
"""

from sqlalchemy import Connection, text

from storage.errors import StorageError

VERSION = 1  # of our tables
UPGRADES: dict[int, tuple[str, ...]] = {}  # by version, the statements that upgrade the version before to it

# The second keys of our advisory locks: a study's id, one of these, or a number below them for a study's note.
SCHEMA, RESTORE = 0, -1
_FIRST_KEY = 0x756E6574  # of all our advisory locks but one, "unet"
_COPIES_FIRST_KEY = _FIRST_KEY + 1  # of that of the shared copies

# A study's frozen question, its budget of trials, and why it was stopped (null: it was not).
_STUDIES = """
create table if not exists unet_search_studies (
  study_id integer primary key references studies on delete cascade,
  question jsonb,
  budget integer check (budget >= 0),
  stop_reason text,
  created timestamptz not null default now()
)"""

# Slots, see storage/studies/leases.py. One without a trial is between claim and ask; one without an owner is released.
_SLOTS = """
create table if not exists unet_search_slots (
  slot uuid primary key,
  study_id integer not null references studies on delete cascade,
  trial_id integer unique references trials on delete cascade,
  owner uuid,
  worker text not null,
  expires timestamptz not null
)"""
_SLOTS_BY_STUDY = "create index if not exists unet_search_slots_study on unet_search_slots (study_id)"

# Which trial has a configuration, by the configuration's hash.
_CONFIGURATIONS = """
create table if not exists unet_search_configurations (
  study_id integer not null references studies on delete cascade,
  digest text not null,
  trial_id integer not null references trials on delete cascade,
  primary key (study_id, digest)
)"""
_CONFIGURATIONS_BY_TRIAL = (
    "create index if not exists unet_search_configurations_trial on unet_search_configurations (trial_id)"
)

# The version of our tables, in one row.
_VERSIONS = """
create table if not exists unet_search_version (
  single boolean primary key default true check (single),
  version integer not null
)"""
_GET_VERSION = text("select version from unet_search_version")
_SET_VERSION = text("""
    insert into unet_search_version (version) values (:version)
    on conflict (single) do update set version = excluded.version""")

_LOCK = text("select pg_advisory_xact_lock(:first_key, :key)")


def lock(connection: Connection, key: int) -> None:
    """Waits for the lock of a study (its id), SCHEMA or RESTORE, and holds it until the end of the transaction."""
    connection.execute(_LOCK, {"first_key": _FIRST_KEY, "key": key})


def lock_note(connection: Connection, study_id: int) -> None:
    """The same for a study's note, a lock of its own so that no claim waits while the note is written."""
    lock(connection, RESTORE - study_id)


def lock_copies(connection: Connection) -> None:
    """The same for the shared copies of data: which are whole, and which no study has any more."""
    connection.execute(_LOCK, {"first_key": _COPIES_FIRST_KEY, "key": 0})


def create_own_tables(connection: Connection) -> None:
    """Creates our tables where they are missing, after Optuna's. Raises StorageError for those of another version."""
    if has_tables(connection):
        check_version(connection)
    for statement in (_STUDIES, _SLOTS, _SLOTS_BY_STUDY, _CONFIGURATIONS, _CONFIGURATIONS_BY_TRIAL, _VERSIONS):
        connection.execute(text(statement))
    connection.execute(_SET_VERSION, {"version": VERSION})


def upgrade_own_tables(connection: Connection) -> tuple[int, int]:
    """Upgrades our tables to VERSION; returns the versions before and after. The caller holds the lock of SCHEMA."""
    before = own_version(connection)
    if before > VERSION:
        check_version(connection)
    for version in range(before + 1, VERSION + 1):
        for statement in UPGRADES[version]:
            connection.execute(text(statement))
    connection.execute(text(_VERSIONS))
    connection.execute(_SET_VERSION, {"version": VERSION})
    return before, VERSION


def has_tables(connection: Connection) -> bool:
    """Whether the database has our tables; they are created after Optuna's, in one transaction."""
    return has_table(connection, "unet_search_studies")


def has_table(connection: Connection, name: str) -> bool:
    """Whether there is a table of that name."""
    return connection.scalar(text("select to_regclass(:name)"), {"name": name}) is not None


def own_version(connection: Connection) -> int:
    """The version of our tables; 1 for those that were created before versions were stored."""
    found = connection.scalar(_GET_VERSION) if has_table(connection, "unet_search_version") else None
    return 1 if found is None else int(found)


def check_encoding(connection: Connection) -> None:
    """Raises StorageError for a database that cannot hold every name."""
    found = connection.scalar(text("show server_encoding"))
    if found != "UTF8":
        raise StorageError(
            f"the database's encoding must be UTF8; got {found}; make another one, with "
            "`create database NAME encoding 'UTF8' template template0`"
        )


def check_version(connection: Connection) -> None:
    """Raises StorageError where our tables are not of VERSION."""
    found = own_version(connection)
    if found != VERSION:
        raise StorageError(
            f"the database's tables must be of version {VERSION}, which this unet-search knows; got version {found}; "
            + ("run `unet-search db upgrade`" if found < VERSION else "install a newer unet-search")
        )
