"""One trial: its configuration is trained, its epochs are reported, its figures are kept, its ending is decided."""

import math
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import optuna
from optuna.exceptions import StorageInternalError
from optuna.trial import TrialState
from sqlalchemy.exc import SQLAlchemyError

from search.devicetime import DeviceTime
from search.ending import KILLER, NAN, OUT_OF_MEMORY, TOO_LARGE, Ending, failed, is_out_of_memory, one_line
from search.patience import patiently
from search.provenance import commit, versions
from search.session import Session, trial_id
from storage.artifacts import checkpoint_path, upload_picture
from storage.errors import LeaseLost, StorageError
from storage.lease import Claim, is_mine
from trainer.config import TrainConfig
from trainer.errors import DivergedError, InputError

if TYPE_CHECKING:
    from trainer.fit import Epoch, Fitted

STARTS = "starts"  # user attribute: how often the trial was begun since it last finished an epoch
DEADLY_STARTS = 5


class HandedOn(Exception):
    """The worker was told to stop: the trial stays RUNNING, and the next worker goes on with it."""


@dataclass(frozen=True)
class Assignment:
    """A trial in a worker's hands."""

    session: Session
    claim: Claim
    trial: optuna.Trial
    config: TrainConfig
    held: DeviceTime
    should_stop: Callable[[], bool]

    def is_mine(self) -> bool:
        """Whether the trial may still be written; to be asked before every report."""
        return patiently(lambda: is_mine(self.session.db, self.claim, self.session.owner))

    def require_mine(self) -> None:
        """Raises LeaseLost when another worker has the trial."""
        if not self.is_mine():
            raise LeaseLost(f"a trial must be this worker's to be written; trial {self.trial.number} has another one")


def run_trial(
    session: Session, claim: Claim, trial: optuna.Trial, config: TrainConfig, should_stop: Callable[[], bool]
) -> Ending:
    """Trains the trial's configuration, from its checkpoint where there is one, and says how it ended.

    Raises:
        LeaseLost: another worker has the trial; nothing more may be written of it.
        HandedOn: `should_stop` said so.
        InputError: the data or the device do not suit; the trial's own fault is an ending, not an exception.
        SQLAlchemyError, StorageError: the database or the artifacts cannot be reached.
    """
    trial.set_user_attr("config", config.model_dump(mode="json"))
    trial.set_user_attr("worker", session.worker)
    trial.set_user_attr("device", session.device)
    starts = trial.user_attrs.get(STARTS, 0)
    if starts >= DEADLY_STARTS:
        return Ending(TrialState.FAIL, cause=KILLER)
    trial.set_user_attr(STARTS, starts + 1)
    assigned = Assignment(session, claim, trial, config, DeviceTime(trial), should_stop)
    ending = _attempt(assigned, starts)
    if assigned.is_mine():
        patiently(assigned.held.keep)
    return ending


def _attempt(assigned: Assignment, starts: int) -> Ending:
    """`starts` is what the trial's attribute was before this one."""
    trial = assigned.trial
    try:
        return _exceeds(assigned) or _train(assigned)
    except (LeaseLost, InputError, SQLAlchemyError, StorageInternalError, StorageError):
        raise
    except DivergedError as error:
        return Ending(TrialState.PRUNED, cause=NAN, message=str(error))
    except Exception as error:
        assigned.require_mine()
        if assigned.should_stop():  # the trainer's Interrupted, or what it made of being stopped
            trial.set_user_attr(STARTS, min(starts, trial.user_attrs[STARTS]))
            raise HandedOn from error
        if is_out_of_memory(error):
            trial.set_constraint("memory", 1.0)
            return Ending(TrialState.PRUNED, cause=OUT_OF_MEMORY, message=one_line(error))
        return failed(error)


def _exceeds(assigned: Assignment) -> Ending | None:
    """The ending of a network with too many parameters; tells the sampler how far above or below it is."""
    session, trial = assigned.session, assigned.trial
    limit = session.opened.plan.constraints.parameters
    if limit is None:
        return None
    count = session.tools.count_parameters(assigned.config, session.dataset)
    if "parameters" not in trial.constraints:  # set before when the trial was handed on
        trial.set_constraint("parameters", (count - limit) / limit)
    if count <= limit:
        return None
    trial.set_user_attr("parameters", count)
    return Ending(TrialState.PRUNED, cause=TOO_LARGE, message=f"parameters must be at most {limit}; got {count}")


def _train(assigned: Assignment) -> Ending:
    session, trial = assigned.session, assigned.trial
    reported = set(session.db.storage.get_trial(trial_id(trial)).intermediate_values)

    def on_epoch(epoch: "Epoch") -> bool:
        assigned.require_mine()
        patiently(assigned.held.keep)
        if trial.user_attrs[STARTS]:
            patiently(lambda: trial.set_user_attr(STARTS, 0))
        _report(trial, epoch, reported)
        return not patiently(trial.should_prune)

    checkpoint = checkpoint_path(session.artifacts, session.opened.plan.study.name, trial.number)
    fitted = session.tools.train(assigned.config, session.dataset, on_epoch, checkpoint, assigned.should_stop)
    assigned.require_mine()
    for epoch in fitted.history:  # an epoch that a lost worker saved and did not come to report
        _report(trial, epoch, reported)
    _describe(trial, fitted)
    _upload(session, trial, fitted)
    if fitted.stopped == "caller":
        return Ending(TrialState.PRUNED)
    return Ending(TrialState.COMPLETE, fitted.best.miou)


def _report(trial: optuna.Trial, epoch: "Epoch", reported: set[int]) -> None:
    if epoch.epoch not in reported and math.isfinite(epoch.miou):
        patiently(lambda: trial.report(epoch.miou, epoch.epoch))
        reported.add(epoch.epoch)


def _describe(trial: optuna.Trial, fitted: "Fitted") -> None:
    """Keeps what the leaderboard and the exports show of a trial."""
    attributes = {
        "miou_keras": fitted.best.miou_keras,
        "iou": list(fitted.best.iou),
        "best_epoch": fitted.best.epoch,
        "parameters": fitted.parameters,
        "seconds": round(fitted.seconds, 3),
        "images_per_second": round(fitted.images_per_second, 2),
        "epochs": len(fitted.history),
        "stopped": fitted.stopped,
        "versions": versions(),
        "commit": commit(),
    }
    for key, value in attributes.items():
        trial.set_user_attr(key, value)


def _upload(session: Session, trial: optuna.Trial, fitted: "Fitted") -> None:
    """Keeps the trial's pictures, pruned or not; a finished trial takes none any more."""
    with tempfile.TemporaryDirectory(prefix="unet-search-") as folder:
        for picture in session.tools.write_figures(fitted, session.dataset, Path(folder)):
            upload_picture(session.artifacts, trial, picture)
