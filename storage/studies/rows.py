"""The rows of a study in Optuna's tables and ours; without its slots, which only say who works on it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from storage.errors import StorageError


@dataclass(frozen=True)
class Table:
    """A table whose rows belong to studies."""

    name: str
    columns: tuple[str, ...]  # without `surrogate_key`
    surrogate_key: str | None = None  # a generated primary key to which no other table refers

    @property
    def of_studies(self) -> str:
        """The SQL condition that a row belongs to one of the studies `:ids`."""
        if "study_id" in self.columns:
            return "study_id = any(:ids)"
        return "trial_id in (select trial_id from trials where study_id = any(:ids))"

    @property
    def order(self) -> str:
        """The SQL order of the rows, that of their creation where there is a surrogate key."""
        return self.surrogate_key or ", ".join(self.columns[:2])


# Every table follows those to which it refers.
TABLES = (
    Table("studies", ("study_id", "study_name")),
    Table("trials", ("trial_id", "study_id", "number", "state", "datetime_start", "datetime_complete")),
    Table("study_directions", ("study_id", "direction", "objective"), "study_direction_id"),
    Table("study_user_attributes", ("study_id", "key", "value_json"), "study_user_attribute_id"),
    Table("study_system_attributes", ("study_id", "key", "value_json"), "study_system_attribute_id"),
    Table("trial_user_attributes", ("trial_id", "key", "value_json"), "trial_user_attribute_id"),
    Table("trial_system_attributes", ("trial_id", "key", "value_json"), "trial_system_attribute_id"),
    Table("trial_params", ("trial_id", "param_name", "param_value", "distribution_json"), "param_id"),
    Table("trial_values", ("trial_id", "objective", "value", "value_type"), "trial_value_id"),
    Table(
        "trial_intermediate_values",
        ("trial_id", "step", "intermediate_value", "intermediate_value_type"),
        "trial_intermediate_value_id",
    ),
    Table("trial_heartbeats", ("trial_id", "heartbeat"), "trial_heartbeat_id"),
    Table("unet_search_studies", ("study_id", "question", "budget", "stop_reason", "created")),
    Table("unet_search_configurations", ("study_id", "digest", "trial_id")),
)

_GET_COLUMNS = text(
    "select attname from pg_attribute where attrelid = to_regclass(:name) and attnum > 0 and not attisdropped"
)


def check_columns(connection: Connection) -> None:
    """Raises StorageError where a table of the database has other columns than in TABLES."""
    for table in TABLES:
        found = set(connection.scalars(_GET_COLUMNS, {"name": table.name}))
        differing = found ^ {*table.columns, *([table.surrogate_key] if table.surrogate_key else [])}
        if differing:
            raise StorageError(
                "the database's tables must be those of this unet-search and its Optuna; got a difference in "
                f"{table.name}: {', '.join(sorted(differing))}; run `unet-search db upgrade`, or install a newer one"
            )


def count_rows(connection: Connection, ids: Sequence[int]) -> Mapping[str, int]:
    """How many rows of each table belong to the studies."""
    statements = {table.name: f"select count(*) from {table.name} where {table.of_studies}" for table in TABLES}
    return {name: connection.scalar(text(sql), {"ids": list(ids)}) or 0 for name, sql in statements.items()}


def delete_rows(connection: Connection, study_id: int) -> int:
    """Deletes a study with all its rows and slots; returns how many rows there were, without slots."""
    of_study = {"ids": [study_id]}
    # Other transactions cannot add rows to the study or its trials: they wait for the end, and then find neither.
    for name in ("studies", "trials"):
        connection.execute(text(f"select from {name} where study_id = any(:ids) for update"), of_study)
    return sum(
        connection.execute(text(f"delete from {table.name} where {table.of_studies}"), of_study).rowcount
        for table in reversed(TABLES)
    )
