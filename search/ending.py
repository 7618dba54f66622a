"""How a trial can end, what is kept of why, and when failures stop the study.

A trial that finished or was pruned has no `cause`; every other ending names one in the user attribute `cause`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import optuna
from optuna.trial import FrozenTrial, TrialState

from search.study import OpenStudy
from storage.database import Database
from storage.settings import mask_url
from storage.study import stop_study

DUPLICATE = "duplicate"
TOO_LARGE = "parameters"
OUT_OF_MEMORY = "out of memory"
NAN = "nan"
KILLER = "kills its worker"

FAILURES = 5  # in a row stop the study
STOPPED_AFTER = "failures_counted_to"  # user attribute of the study: the number of the last trial that stopped it
MESSAGE_CHARACTERS = 500
_MEMORY_ERRORS = ("ResourceExhaustedError", "OutOfMemoryError")


@dataclass(frozen=True)
class Ending:
    """The state in which a trial ends; a value with COMPLETE alone."""

    state: TrialState
    value: float | None = None
    cause: str | None = None
    message: str | None = None


def tell(trial: optuna.Trial, ending: Ending) -> None:
    """Writes why, then finishes the trial. A PRUNED one keeps its last reported value."""
    if ending.cause is not None:
        trial.set_user_attr("cause", ending.cause)
    if ending.message is not None:
        trial.set_user_attr("message", ending.message)
    # Skipped where it is finished: a database that went away may have done it before it could say so.
    trial.study.tell(trial, ending.value, ending.state, skip_if_finished=True)


def describe(ending: Ending) -> str:
    """Such as `COMPLETE 0.4312` or `PRUNED (nan)`."""
    value = "" if ending.value is None else f" {ending.value:.4f}"
    return f"{ending.state.name}{value}" + (f" ({ending.cause})" if ending.cause else "")


def failed(error: BaseException) -> Ending:
    """The ending of a trial that raised."""
    return Ending(TrialState.FAIL, cause=one_line(error))


def one_line(error: BaseException) -> str:
    """The error's class and message, on one line, without passwords."""
    text = mask_url(" ".join(f"{type(error).__name__}: {error}".split()))
    return text if len(text) <= MESSAGE_CHARACTERS else f"{text[: MESSAGE_CHARACTERS - 3]}..."


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the machine or the device had too little memory, said in any engine's words."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, MemoryError) or type(seen).__name__ in _MEMORY_ERRORS or "RESOURCE_EXHAUSTED" in str(seen):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def stop_after_failures(db: Database, opened: OpenStudy) -> str | None:
    """Stops the study when its last trials failed one after the other; gives the reason."""
    row = list(_last_failures(opened.study))
    if len(row) < FAILURES:
        return None
    reason = f"{len(row)} trials in a row failed, the last one with: {row[0].user_attrs['cause']}"
    # After `resume` the row starts anew.
    opened.study.set_user_attr(STOPPED_AFTER, row[0].number)
    stop_study(db, opened.study_id, reason)
    return reason


def stopped_by_failures(reason: str | None) -> bool:
    """Whether that is why a study was stopped, rather than by a person."""
    return reason is not None and "trials in a row failed" in reason


def _last_failures(study: optuna.Study) -> Iterator[FrozenTrial]:
    """Failed trials since the last one that finished or was pruned, latest first."""
    states = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
    counted_to = study.user_attrs.get(STOPPED_AFTER, -1)
    trials = [trial for trial in study.get_trials(deepcopy=False, states=states) if trial.number > counted_to]
    for trial in sorted(trials, key=_completed, reverse=True):
        cause = trial.user_attrs.get("cause")
        if trial.state == TrialState.FAIL and cause is not None and cause != DUPLICATE:
            yield trial
        elif trial.state != TrialState.FAIL and cause is None:
            return


def _completed(trial: FrozenTrial) -> datetime:
    assert trial.datetime_complete is not None
    return trial.datetime_complete
