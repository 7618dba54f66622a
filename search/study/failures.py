"""Stops a study when several trials failed one after the other, whichever workers trained them."""

from collections.abc import Iterator
from datetime import datetime

import optuna
from optuna.trial import FrozenTrial, TrialState

from search.study.study import OpenStudy
from storage.database.connection import Database
from storage.studies.attributes import DUPLICATE, StudyAttributes, TrialAttributes
from storage.studies.study import stop_study

MAX_FAILURES = 5  # so many failures in a row stop the study


def stop_after_failures(db: Database, opened: OpenStudy) -> str | None:
    """Stops the study when its last MAX_FAILURES trials or more failed; returns the reason, or None."""
    streak = list(_last_failures(opened.study))
    if len(streak) < MAX_FAILURES:
        return None
    cause = TrialAttributes.read(streak[0].user_attrs).cause
    reason = f"{len(streak)} trials in a row failed, the last one with: {cause}"
    stop_study(db, opened.study_id, reason)
    StudyAttributes(failures_counted_to=streak[0].number).write(opened.study)  # after `resume` the streak is reset
    return reason


def stopped_by_failures(reason: str | None) -> bool:
    """Whether a study was stopped by failures, rather than by a person."""
    return reason is not None and "trials in a row failed" in reason


def _last_failures(study: optuna.Study) -> Iterator[FrozenTrial]:
    """The trials that failed since the last one that was complete or chosen by the pruner, latest first."""
    states = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
    counted_to = StudyAttributes.read(study.user_attrs).failures_counted_to
    trials = [trial for trial in study.get_trials(deepcopy=False, states=states) if trial.number > counted_to]
    for trial in sorted(trials, key=_end_time, reverse=True):
        cause = TrialAttributes.read(trial.user_attrs).cause
        if trial.state == TrialState.FAIL and cause is not None and cause != DUPLICATE:
            yield trial
        elif trial.state != TrialState.FAIL and cause is None:
            return


def _end_time(trial: FrozenTrial) -> datetime:
    assert trial.datetime_complete is not None
    return trial.datetime_complete
