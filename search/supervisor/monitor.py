"""The supervisor's tick: shows the study, and updates `best.toml` and the study's note."""

from collections.abc import Callable, Sequence
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from search.log import log_event, one_line
from search.reconnect import UNREACHABLE
from search.report.notes import join_note, study_note
from search.study.confirmed import number_to_export
from search.study.study import OpenStudy
from search.supervisor.run_folder import write_best
from search.terminal.live import FinishedTrial, StudyDisplay
from storage.database.connection import Database
from storage.database.schema import lock_note
from storage.errors import StorageError
from storage.studies.finished import Finished, FinishedTrials
from storage.studies.notes import read_note, write_note
from storage.studies.status import Leader, read_leaders, study_status
from storage.studies.study import get_budget, study_name
from trainer.errors import InputError

LIMIT_WAIT = text("set local lock_timeout = '5s'")  # another supervisor may be suspended while it has the lock
STATES = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}


def monitor_study(db: Database, opened: OpenStudy, display: StudyDisplay, folder: Path | None) -> Callable[[], None]:
    """The `tick` of `run_workers`. It does nothing while the database is away; raises InputError without the study.

    Args:
        display: updated at every tick.
        folder: of the run, in which each new best trial is exported; None to export none.
    """
    finished = FinishedTrials(db, opened.study_id)
    finished.mark_seen(finished.numbers())
    exported: int | None = None
    noted: list[int] = []  # the leaders in the study's note

    def tick() -> None:
        nonlocal exported, noted
        try:
            new = finished.read()
            status, budget = study_status(db, opened.study_id), get_budget(db, opened.study_id)
            number = status.best.number if status.best else None
            if folder is not None and number is not None and number != exported:
                exported = _export(opened, folder, number)
            leaders = [trial.number for trial in status.leaders]
            if leaders != noted:
                note_study(db, opened)
                noted = leaders
        except (SQLAlchemyError, *UNREACHABLE):
            return  # the next tick tries again
        except (KeyError, StorageError):  # Optuna's and ours for what is not there
            check_exists(db, opened)
            raise
        finished.mark_seen([trial.number for trial in new])
        display.show(status, budget, [describe_trial(trial, number) for trial in new if trial.was_trained])

    return tick


def check_exists(db: Database, opened: OpenStudy) -> None:
    """Raises InputError where the study was deleted meanwhile."""
    if study_name(db, opened.study_id) is None:
        raise InputError(
            f"a study must stay while it is searched; got {opened.study.study_name}, which was deleted; "
            "`unet-search run` makes it anew"
        )


def note_study(db: Database, opened: OpenStudy) -> None:
    """Updates the study's note, once there is a complete trial. Any number of supervisors may do so at once.

    Raises SQLAlchemyError and UNREACHABLE; other failures are logged.
    """
    try:
        with db.engine.begin() as connection:
            connection.execute(LIMIT_WAIT)
            # From here on to the commit no other supervisor writes, so that the last one knows all leaders.
            lock_note(connection, opened.study_id)
            before = read_note(connection, opened.study_id)
            note = _compose_note(db, opened, read_leaders(connection, opened.study_id), before)
            if note != before:
                write_note(connection, opened.study_id, note)
    except (SQLAlchemyError, *UNREACHABLE):
        raise
    except Exception as error:
        log_event("writes no note", cause=one_line(error), error=error)


def describe_trial(trial: Finished, best: int | None) -> FinishedTrial:
    """A finished trial for the display; `best` is the number of the study's best trial."""
    found, is_best = trial.attributes, trial.number == best
    return FinishedTrial(trial.number, STATES[trial.state], trial.value, found.epochs, is_best, found.cause, found.name)


def _export(opened: OpenStudy, folder: Path, best: int) -> int | None:
    """Exports the best trial, or the confirmed one; returns `best`, or None where that fails: the search goes on."""
    try:
        write_best(opened, folder, number_to_export(opened.study, best))
    except (OSError, InputError):  # the second is of a trial that another program has added
        return None
    return best


def _compose_note(db: Database, opened: OpenStudy, leaders: Sequence[Leader], before: str) -> str:
    """The study's note, with what a person wrote into the one before."""
    if not leaders:
        return before
    trials = [db.storage.get_trial(leader.trial_id) for leader in leaders]
    return join_note(study_note(opened.plan.study.name, opened.study_id, trials, opened.plan.base), before)
