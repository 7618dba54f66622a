"""The parameters and values of a study's complete trials, without reports and attributes."""

from optuna.trial import FrozenTrial
from sqlalchemy import text

from storage.database.connection import Database
from storage.database.trial_rows import make_trials, select_trials

_COUNT = text("select count(*) from trials where study_id = :study_id and state = 'COMPLETE'")
_TRIALS = text(
    select_trials(
        "select trial_id from trials where study_id = :study_id and state = 'COMPLETE'",
        reports="false",
        user="false",
        system="false",
    )
)


def count_complete(db: Database, study_id: int) -> int:
    """How many complete trials the study has."""
    with db.engine.connect() as connection:
        return int(connection.scalar(_COUNT, {"study_id": study_id}) or 0)


def read_complete(db: Database, study_id: int) -> list[FrozenTrial]:
    """The complete trials by number, with parameters, values and times."""
    with db.engine.connect() as connection:
        rows = connection.execute(_TRIALS, {"study_id": study_id}).all()
    return make_trials(rows)
