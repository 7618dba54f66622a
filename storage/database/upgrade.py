"""Upgrades the tables that an older Optuna or unet-search made."""

import logging
from dataclasses import dataclass

from sqlalchemy import Engine

from storage.database.connection import translate_errors
from storage.database.engine import DAY_S, make_engine, patience
from storage.database.schema import SCHEMA, has_table, has_tables, lock, upgrade_own_tables
from storage.errors import StorageError
from storage.settings import describe_url, normalise_url


@dataclass(frozen=True)
class Upgraded:
    """The versions before and after an upgrade, of Optuna's tables and of ours; equal where they were up to date."""

    optuna: tuple[str, str]
    own: tuple[int, int]


def upgrade_tables(url: str) -> Upgraded:
    """Upgrades Optuna's tables and ours; any number of processes may do so at once.

    Raises:
        StorageError: there are no tables, or they are those of a newer Optuna or unet-search.
    """
    url = normalise_url(url)
    engine = make_engine(url)
    try:
        with translate_errors(url), patience(DAY_S), engine.begin() as connection:
            lock(connection, SCHEMA)
            if not (has_table(connection, "alembic_version") and has_tables(connection)):
                raise StorageError(
                    f"the database must hold the tables of unet-search; got none in {describe_url(url)}; "
                    "run `unet-search init`"
                )
            own = upgrade_own_tables(connection)
            return Upgraded(_upgrade_optuna(url, engine), own)
    finally:
        engine.dispose()


def _upgrade_optuna(url: str, engine: Engine) -> tuple[str, str]:
    """Optuna's own upgrade, on connections of its own."""
    import optuna

    from storage.database.optuna_storage import SharedStorage

    _silence_alembic()
    storage = SharedStorage(url, engine, check=False)
    before, after = storage.get_current_version(), storage.get_head_version()
    if before not in storage.get_all_versions():
        raise StorageError(
            f"the database's tables must be of a version that Optuna {optuna.__version__} knows, up to {after}; "
            f"got {before}; install a newer Optuna"
        )
    if before != after:
        storage.upgrade()
    return before, after


def _silence_alembic() -> None:
    """Alembic, as Optuna calls it, logs to the terminal unless the root logger has a handler."""
    logging.getLogger().addHandler(logging.NullHandler())
    logging.getLogger("alembic").setLevel(logging.WARNING)
