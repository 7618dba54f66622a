"""What a trial's network costs in use, and whether the study's limits allow it."""

from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from optuna.trial import TrialState

from search.log import log_event, one_line
from search.study.limits import Limit, list_limits
from search.study.outcome import Outcome
from search.worker.assignment import Assignment
from search.worker.held_trial import HeldTrial
from search.worker.trainer import Measure
from storage.studies.attributes import TrialAttributes
from trainer.cost import Size, Speed

if TYPE_CHECKING:
    from trainer.training.fit import Fitted

LEAST_TRAINING_S = 60.0  # beside which some seconds for its network's speed are little
SIZE = tuple(field.name for field in fields(Size))
SPEED = tuple(field.name for field in fields(Speed))


def check_limits(assignment: Assignment) -> Outcome | None:
    """The outcome of a network beyond a limit, before its training; tells the sampler how far above or below it is.

    Its speed is measured only where a limit asks for it and its size is allowed. What an earlier worker found stays,
    so that no trial is judged anew on a slower machine. Nor is a repetition: its candidate was within the limits.
    """
    held = assignment.held
    limits = list_limits(assignment.context.opened.plan.constraints)
    if held.attributes.candidate is not None:
        return None
    for keys, measure in _list_measures(assignment):
        asked = [(limit, most) for limit, most in limits if limit.key in keys]
        if not asked:
            continue
        if not _has(held, keys):
            held.write(TrialAttributes(**asdict(measure(assignment.config, assignment.context.dataset))))
        outcomes = [_compare(held, limit, most) for limit, most in asked]  # all of them, for the sampler
        if beyond := next(filter(None, outcomes), None):
            return beyond
    return None


def keep_costs(assignment: Assignment, fitted: "Fitted") -> None:
    """Keeps what is not known yet of the network's costs, of a trial that is about to be complete. Failures are logged.

    To measure a speed compiles the network twice more: seconds that neither trials to be pruned nor short ones spend.
    """
    held = assignment.held
    measures = _list_measures(assignment)
    for keys, measure in measures if fitted.seconds >= LEAST_TRAINING_S else measures[:1]:
        if _has(held, keys) or held.attributes.candidate is not None or assignment.stop.is_set():
            continue
        try:
            found = asdict(measure(assignment.config, assignment.context.dataset, fitted))
        except Exception as error:  # such as too little memory for a batch
            log_event(f"has no {keys[-1]}", held.number, one_line(error), error)
        else:
            held.write(TrialAttributes(**found))


def _list_measures(assignment: Assignment) -> list[tuple[tuple[str, ...], Measure[Any]]]:
    """The figures that are measured together, and what measures them, the cheapest first."""
    trainer = assignment.context.trainer
    return [(SIZE, trainer.measure_size), (SPEED, trainer.measure_speed)]


def _has(held: HeldTrial, keys: tuple[str, ...]) -> bool:
    return all(getattr(held.attributes, key) is not None for key in keys)


def _compare(held: HeldTrial, limit: Limit, most: float) -> Outcome | None:
    figure = getattr(held.attributes, limit.key)
    held.constrain(limit.key, (figure - most) / most)
    if figure <= most:
        return None
    message = f"{limit.words} must be at most {_format(most)}; got {_format(figure)}"
    return Outcome(TrialState.PRUNED, cause=limit.key, message=message)


def _format(figure: float) -> str:
    return str(figure) if isinstance(figure, int) else f"{figure:g}"
