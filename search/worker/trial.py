"""One trial: its configuration is trained, its epochs are reported, its results are kept, its outcome is decided."""

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from optuna.trial import TrialState

from search.log import log_event, one_line
from search.reconnect import UNREACHABLE
from search.study.outcome import KILLER, NAN, OUT_OF_MEMORY, Outcome, failed
from search.worker.assignment import Assignment, HandedOn
from search.worker.limits import check_limits, keep_costs
from search.worker.results import add_pictures, save_confusions, save_weights, write_certainty, write_results
from storage.artifacts.keys import checkpoint_key
from storage.errors import LeaseLost, StorageError
from storage.studies.attributes import TrialAttributes
from trainer.errors import DivergedError, InputError
from trainer.training.checkpoint import CheckpointError

if TYPE_CHECKING:
    from trainer.training.fit import Fitted
    from trainer.training.history import Epoch

DEADLY_STARTS = 5
_MEMORY_ERRORS = ("ResourceExhaustedError", "OutOfMemoryError")


def run_trial(assignment: Assignment) -> Outcome:
    """Trains the trial's configuration, from its checkpoint where there is one, and decides how it ends.

    Raises:
        LeaseLost: another worker has the trial.
        HandedOn: the worker was told to stop.
        InputError: the data or the device do not suit; the trial's own fault is an outcome, not an exception.
        UNREACHABLE: the database was away for too long.
        StorageError: the artifact store was.
    """
    context, held, config = assignment.context, assignment.held, assignment.config
    tables = config.model_dump(mode="json")
    held.write(TrialAttributes(config=tables, worker=context.worker, device=context.device))
    if held.attributes.starts >= DEADLY_STARTS:
        return Outcome(TrialState.FAIL, cause=KILLER)
    outcome = _attempt(assignment)
    while outcome.state == TrialState.FAIL and (assignment.wait_for_store() or assignment.wait_to_retry()):
        outcome = _attempt(assignment)
    held.write_device_time()
    return outcome


def _attempt(assignment: Assignment) -> Outcome:
    """Trains once. Errors that would come again, such as too little memory, are decided here, others are retried."""
    held, starts = assignment.held, assignment.held.attributes.starts
    held.write(TrialAttributes(starts=starts + 1))
    assignment.context.heartbeat.begin()
    try:
        return check_limits(assignment) or _train(assignment)
    except DivergedError as error:
        return Outcome(TrialState.PRUNED, cause=NAN, message=str(error))
    except (LeaseLost, *UNREACHABLE):
        raise
    except Exception as error:
        if isinstance(error, InputError) and not isinstance(error, CheckpointError):
            raise
        held.write(TrialAttributes(starts=min(starts, held.attributes.starts)))  # the worker has survived it
        if assignment.stop.is_set():  # the trainer's Interrupted, or what it made of being stopped
            raise HandedOn from error
        return _judge(assignment, error)


def _judge(assignment: Assignment, error: Exception) -> Outcome:
    """The outcome of a trial that raised and is not tried again."""
    held, context = assignment.held, assignment.context
    if is_out_of_memory(error):
        held.constrain("memory", 1.0)
        return Outcome(TrialState.PRUNED, cause=OUT_OF_MEMORY, message=one_line(error))
    log_event("fails", held.number, one_line(error), error)
    if isinstance(error, CheckpointError) and held.attributes.retries:  # it was read in vain twice: it is damaged
        with suppress(OSError, StorageError):  # then it is read in vain once more
            context.artifacts.remove(checkpoint_key(context.opened.plan.study.name, held.number))
    return failed(error)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the machine or the device had too little memory, in any backend's words."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, MemoryError) or type(seen).__name__ in _MEMORY_ERRORS or "RESOURCE_EXHAUSTED" in str(seen):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def _train(assignment: Assignment) -> Outcome:
    context, held = assignment.context, assignment.held

    def on_epoch(epoch: "Epoch") -> bool:
        context.heartbeat.batch()  # validation and its last checkpoint may have taken as long as many
        is_repeated = epoch.epoch < held.last_epoch  # then the pruner has judged it
        held.report({epoch.epoch: epoch.value})
        is_whole = epoch.epoch == assignment.config.budget.epochs  # then pruning it would save nothing
        return is_repeated or is_whole or not held.should_prune()

    fitted = _fit(assignment, on_epoch)
    # The checkpoint may hold an epoch that a worker saved, and was lost before it could report it.
    held.report({epoch.epoch: epoch.value for epoch in fitted.history})
    write_results(context, held, fitted)
    write_certainty(context, held, fitted)
    save_confusions(context, held.number, fitted)
    add_pictures(context, held, fitted)
    if fitted.stopped == "caller":
        return Outcome(TrialState.PRUNED)
    context.heartbeat.batch()
    keep_costs(assignment, fitted)
    context.heartbeat.batch()
    save_weights(context, held.number, fitted)
    return Outcome(TrialState.COMPLETE, fitted.final.value)


def _fit(assignment: Assignment, on_epoch: Callable[["Epoch"], bool]) -> "Fitted":
    """Trains on a checkpoint of this machine, which is uploaded to the artifact store whenever the trainer wrote it."""
    context, held = assignment.context, assignment.held

    def upload() -> None:
        if checkpoint.is_changed():
            held.require()  # the checkpoint must not replace that of a worker that has the trial by now
            checkpoint.upload()

    def should_stop() -> bool:
        upload()
        return assignment.should_stop()

    key = checkpoint_key(context.opened.plan.study.name, held.number)
    with context.artifacts.local(key) as checkpoint:
        try:
            return context.trainer.train(assignment.config, context.dataset, on_epoch, checkpoint.path, should_stop)
        finally:
            upload()
