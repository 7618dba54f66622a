"""The weights of a study's best trials are kept, so that they can be used without being trained again."""

from typing import TYPE_CHECKING

import optuna

from search.ending import one_line
from search.log import say
from search.select import leaderboard
from search.session import Session
from storage.weights import list_weights, weights_key

if TYPE_CHECKING:
    from trainer.fit import Fitted

KEPT = 3  # trials; their weights alone stay


def keep_weights(session: Session, trial: optuna.Trial, fitted: "Fitted") -> None:
    """Saves the weights of a trial that is about to be complete, if it is one of the best; its failure costs no more.

    To be called before `tell`: the trial is then RUNNING, and no other worker removes what it saves.
    """
    try:
        if _rank(session.opened.study, trial.number, fitted.best.miou) < KEPT:
            with session.artifacts.local(weights_key(session.opened.plan.study.name, trial.number)) as kept:
                session.tools.save_model(fitted, kept.path)
                kept.push()
    except Exception as error:
        say("keeps no weights", trial.number, one_line(error), error)


def sweep_weights(session: Session) -> None:
    """Removes the weights of trials that are over and not among the best, which they can never be again.

    Any number of workers may do so at once, each with a view of its own that may be old. Raises OSError, StorageError.
    """
    study = session.opened.study
    over = {trial.number for trial in study.get_trials(deepcopy=False) if trial.state.is_finished()}
    best = {trial.number for trial in leaderboard(study, KEPT)}  # asked later: no trial ends between the two unseen
    kept = list_weights(session.artifacts, session.opened.plan.study.name)
    session.artifacts.remove(*(key for number, key in kept.items() if number in over - best))


def _rank(study: optuna.Study, number: int, value: float) -> int:
    """How many complete trials are better, as a leaderboard counts."""
    return sum((-(trial.value or 0.0), trial.number) < (-value, number) for trial in leaderboard(study, KEPT))
