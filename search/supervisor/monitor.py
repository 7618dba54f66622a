"""What the supervisor does every second: it shows the study, and keeps `best.toml` and the study's note up to date."""

from collections.abc import Callable
from pathlib import Path

from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from search.log import one_line, say
from search.reconnect import UNREACHABLE
from search.report.notes import join_note, study_note
from search.study.export import export_trial
from search.study.leaderboard import leaderboard
from search.study.study import OpenStudy
from search.terminal.live import Finished, Progress
from storage.database.connection import Database
from storage.database.schema import lock_note
from storage.studies.attributes import DUPLICATE, TrialAttributes
from storage.studies.status import LEADERS, study_status
from storage.studies.study import get_budget

LIMIT_WAIT = text("set local lock_timeout = '5s'")  # another supervisor may stand still
STATES = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned", TrialState.FAIL: "failed"}


def monitor_study(db: Database, opened: OpenStudy, progress: Progress, best: Path) -> Callable[[], None]:
    """The `tick` of `run_workers`.

    Args:
        progress: shows what is new.
        best: the file that holds the best trial, rewritten at each new best.
    """
    seen = {trial.number for trial in finished_trials(opened)}
    exported: int | None = None
    noted: list[int] = []

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
            return  # the next tick shows what this one could not
        seen.update(trial.number for trial in new)
        progress.show(status, budget, [describe(trial, number) for trial in new if not is_duplicate(trial)])

    return tick


def note_study(db: Database, opened: OpenStudy) -> None:
    """Brings the study's note up to date, once it has a complete trial. Any number of supervisors may do so at once.

    Raises SQLAlchemyError and UNREACHABLE; other failures are logged.
    """
    try:
        with db.engine.begin() as connection:
            connection.execute(LIMIT_WAIT)
            lock_note(connection, opened.study_id)  # the last one to write has seen what the others saw
            _note_study(opened)
    except (SQLAlchemyError, *UNREACHABLE):
        raise
    except Exception as error:
        say("writes no note", cause=one_line(error), error=error)


def finished_trials(opened: OpenStudy) -> list[FrozenTrial]:
    """Every finished trial, duplicates among them."""
    return opened.study.get_trials(deepcopy=False, states=tuple(STATES))


def is_duplicate(trial: FrozenTrial) -> bool:
    """Whether the trial's configuration was another trial's, so that it was not trained."""
    return TrialAttributes.read(trial.user_attrs).cause == DUPLICATE


def describe(trial: FrozenTrial, best: int | None) -> Finished:
    """What the display says of a finished trial; `best` is the number of the best one."""
    found = TrialAttributes.read(trial.user_attrs)
    is_best = trial.number == best
    return Finished(trial.number, STATES[trial.state], trial.value, found.epochs, is_best, found.cause, found.name)


def _export(opened: OpenStudy, best: Path) -> int | None:
    """The number of the trial that `best` now holds; None where it cannot be written, which must not end a search."""
    try:
        return export_trial(opened, best).number
    except OSError:
        return None


def _note_study(opened: OpenStudy) -> None:
    from optuna_dashboard import get_note, save_note  # a web server, which takes its time to import

    leaders = leaderboard(opened.study, LEADERS)
    existing = get_note(opened.study)
    note = join_note(study_note(opened.plan.study.name, opened.study_id, leaders, opened.plan.base.data), existing)
    if note != existing:
        save_note(opened.study, note)
