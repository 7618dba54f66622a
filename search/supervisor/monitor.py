"""The supervisor's tick: shows the study, and updates `best.toml` and the study's note."""

from collections.abc import Callable
from pathlib import Path

from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from search.log import log_event, one_line
from search.reconnect import UNREACHABLE
from search.report.notes import join_note, study_note
from search.study.export import export_trial
from search.study.leaderboard import leaderboard
from search.study.study import OpenStudy
from search.terminal.live import FinishedTrial, StudyDisplay
from storage.database.connection import Database
from storage.database.schema import lock_note
from storage.studies.attributes import DUPLICATE, TrialAttributes
from storage.studies.status import LEADERS, study_status
from storage.studies.study import get_budget

LIMIT_WAIT = text("set local lock_timeout = '5s'")  # another supervisor may be suspended while it has the lock
STATES = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned", TrialState.FAIL: "failed"}


def monitor_study(db: Database, opened: OpenStudy, display: StudyDisplay, best: Path) -> Callable[[], None]:
    """The `tick` of `run_workers`. It does nothing while the database is unreachable.

    Args:
        display: updated at every tick.
        best: the file to which each new best trial is exported.
    """
    seen = {trial.number for trial in finished_trials(opened)}
    exported: int | None = None
    noted: list[int] = []  # the leaders in the study's note

    def tick() -> None:
        nonlocal exported, noted
        try:
            new = [trial for trial in finished_trials(opened) if trial.number not in seen]
            status, budget = study_status(db, opened.study_id), get_budget(db, opened.study_id)
            number = status.best.number if status.best else None
            if number is not None and number != exported:
                exported = _export(opened, best)
            leaders = [trial.number for trial in status.leaders]
            if leaders != noted:
                note_study(db, opened)
                noted = leaders
        except (SQLAlchemyError, *UNREACHABLE):
            return  # the next tick tries again
        seen.update(trial.number for trial in new)
        display.show(status, budget, [describe_trial(trial, number) for trial in new if not is_duplicate(trial)])

    return tick


def note_study(db: Database, opened: OpenStudy) -> None:
    """Updates the study's note, once there is a complete trial. Any number of supervisors may do so at once.

    Raises SQLAlchemyError and UNREACHABLE; other failures are logged.
    """
    try:
        with db.engine.begin() as connection:
            connection.execute(LIMIT_WAIT)
            lock_note(
                connection, opened.study_id
            )  # so that the last one to write knows every trial that the others knew
            _note_study(opened)
    except (SQLAlchemyError, *UNREACHABLE):
        raise
    except Exception as error:
        log_event("writes no note", cause=one_line(error), error=error)


def finished_trials(opened: OpenStudy) -> list[FrozenTrial]:
    """All finished trials, duplicates included."""
    return opened.study.get_trials(deepcopy=False, states=tuple(STATES))


def is_duplicate(trial: FrozenTrial) -> bool:
    """Whether the trial was not trained because another one has its configuration."""
    return TrialAttributes.read(trial.user_attrs).cause == DUPLICATE


def describe_trial(trial: FrozenTrial, best: int | None) -> FinishedTrial:
    """A finished trial for the display; `best` is the number of the study's best trial."""
    found = TrialAttributes.read(trial.user_attrs)
    is_best = trial.number == best
    return FinishedTrial(trial.number, STATES[trial.state], trial.value, found.epochs, is_best, found.cause, found.name)


def _export(opened: OpenStudy, best: Path) -> int | None:
    """Exports the best trial to the file `best`; returns its number, or None where it cannot be written."""
    try:
        return export_trial(opened, best).number
    except OSError:  # must not end the search
        return None


def _note_study(opened: OpenStudy) -> None:
    from optuna_dashboard import get_note, save_note  # imports a web server, which takes a while

    leaders = leaderboard(opened.study, LEADERS)
    existing = get_note(opened.study)
    note = join_note(study_note(opened.plan.study.name, opened.study_id, leaders, opened.plan.base.data), existing)
    if note != existing:
        save_note(opened.study, note)
