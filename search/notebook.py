"""Keeps the notes of a study and its trials, which the dashboard shows; that one cannot be kept costs no more."""

import optuna
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from search.ending import Ending, one_line
from search.log import say
from search.notes import join_note, study_note, trial_note
from search.patience import AWAY, patiently
from search.select import leaderboard
from search.session import Session, trial_id
from search.study import OpenStudy
from storage.database import Database
from storage.lease import Claim, is_mine
from storage.schema import lock_note
from storage.trials import LEADERS

WAIT = text("set local lock_timeout = '5s'")  # another supervisor may stand still


def note_trial(session: Session, claim: Claim, trial: optuna.Trial, ending: Ending) -> None:
    """Writes the note of a trial that is about to end so, unless it is another worker's by now.

    To be called before `tell`: no trial is then over without its note.
    """
    try:
        patiently(lambda: _note_trial(session, claim, trial, ending))
    except Exception as error:
        say("has no note", trial.number, one_line(error), error)


def note_study(db: Database, opened: OpenStudy) -> None:
    """Brings the study's note up to date, once it has a complete trial. Any number of supervisors may do so at once.

    Raises SQLAlchemyError, StorageInternalError: the database is away; it is to be called again.
    """
    try:
        with db.engine.begin() as connection:
            connection.execute(WAIT)
            lock_note(connection, opened.study_id)  # the last one to write has seen what the others saw
            _note_study(opened)
    except (SQLAlchemyError, *AWAY):
        raise
    except Exception as error:
        say("writes no note", cause=one_line(error), error=error)


def _note_trial(session: Session, claim: Claim, trial: optuna.Trial, ending: Ending) -> None:
    from optuna_dashboard import save_note  # a web server, which no command should wait for

    if is_mine(session.db, claim, session.owner):
        frozen = session.db.storage.get_trial(trial_id(trial))
        save_note(trial, trial_note(session.opened.plan.study.name, frozen, ending, session.opened.plan.base.data))


def _note_study(opened: OpenStudy) -> None:
    from optuna_dashboard import get_note, save_note

    leaders = leaderboard(opened.study, LEADERS)
    existing = get_note(opened.study)
    note = join_note(study_note(opened.plan.study.name, opened.study_id, leaders, opened.plan.base.data), existing)
    if note != existing:
        save_note(opened.study, note)
