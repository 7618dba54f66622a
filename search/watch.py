"""What the supervisor does every second: shows the study, and keeps `best.toml` and the study's note the best."""

from collections.abc import Callable
from pathlib import Path

from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from search.ending import DUPLICATE
from search.export import export_trial
from search.notebook import note_study
from search.patience import AWAY
from search.progress import Finished, Progress
from search.study import OpenStudy
from search.warmstart import NAME
from storage.database import Database
from storage.study import get_budget
from storage.trials import study_status

STATES = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned", TrialState.FAIL: "failed"}


def watch(db: Database, opened: OpenStudy, progress: Progress, best: Path) -> Callable[[], None]:
    """The `tick` of `run_pool`: shows what is new, writes the best trial to `best`, and what was found to a note."""
    seen = {trial.number for trial in ended(opened)}
    exported: int | None = None
    noted: list[int] = []

    def tick() -> None:
        nonlocal exported, noted
        try:
            new = [trial for trial in ended(opened) if trial.number not in seen]
            status, budget = study_status(db, opened.study_id), get_budget(db, opened.study_id)
            number = status.best.number if status.best else None
            if number is not None and number != exported:
                exported = _export(opened, best)
            leaders = [trial.number for trial in status.leaders]
            if leaders != noted:
                note_study(db, opened)
                noted = leaders
        except (SQLAlchemyError, *AWAY):
            return  # the database is away: the next tick shows what this one could not
        seen.update(trial.number for trial in new)
        progress.show(status, budget, [describe(trial, number) for trial in new if not is_duplicate(trial)])

    return tick


def _export(opened: OpenStudy, best: Path) -> int | None:
    """The number of the trial that `best` now holds; None where it cannot be written, which must not end a search."""
    try:
        return export_trial(opened, best).number
    except OSError:
        return None


def ended(opened: OpenStudy) -> list[FrozenTrial]:
    """Every trial that is over, duplicates among them."""
    return opened.study.get_trials(deepcopy=False, states=tuple(STATES))


def is_duplicate(trial: FrozenTrial) -> bool:
    """Whether the trial was a draw that the study had had before."""
    return trial.user_attrs.get("cause") == DUPLICATE


def describe(trial: FrozenTrial, best: int | None) -> Finished:
    """What the display says of an ended trial; `best` is the number of the best one."""
    attrs = trial.user_attrs
    state = STATES[trial.state]
    epochs, cause, name = (attrs.get(key) for key in ("epochs", "cause", NAME))
    return Finished(trial.number, state, trial.value, epochs, trial.number == best, cause, name)
