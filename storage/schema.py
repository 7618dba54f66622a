"""Our tables beside Optuna's, and the locks that guard both. All names begin with `unet_search_`.

Rows go with their study or trial when Optuna or its dashboard deletes it.
"""

from sqlalchemy import Connection, text

LOCKS = 0x756E6574  # first key of our advisory locks, "unet"; the second is a study's id, 0 for the schema
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

LOCK = text("select pg_advisory_xact_lock(:locks, :key)")


def lock(connection: Connection, key: int) -> None:
    """Waits for the lock of a study (its id) or of the schema (0); the end of the transaction gives it back."""
    connection.execute(LOCK, {"locks": LOCKS, "key": key})


def create_own_tables(connection: Connection) -> None:
    """Makes our tables where they are missing; Optuna's must exist."""
    for statement in (STUDIES, SLOTS, SLOTS_BY_STUDY, CONFIGURATIONS, CONFIGURATIONS_BY_TRIAL):
        connection.execute(text(statement))


def has_tables(connection: Connection) -> bool:
    """Says whether the database holds our tables, and with them Optuna's."""
    return connection.scalar(text("select to_regclass(:name)"), {"name": MARKER}) is not None
