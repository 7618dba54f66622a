"""What is kept of a training: figures, pictures, confusion matrices, and the weights of the study's best trials."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from search.log import log_event, one_line
from search.reconnect import waits_for_database
from search.study.provenance import commit, versions
from search.study.scoring import scoring_of
from search.worker.context import Context
from search.worker.held_trial import HeldTrial
from storage.artifacts.keys import confusions_key, weights_key
from storage.artifacts.listing import list_checkpoints, list_weights
from storage.studies.attributes import TrialAttributes
from storage.studies.ranking import Ranked, finished_among, read_best
from storage.studies.siblings import CONFIRM
from trainer.certainty import interval, resample
from trainer.files import atomic_write

if TYPE_CHECKING:
    from trainer.training.fit import Fitted

PAIRED_DRAWS = 400  # kept of each trial: a chance of 0.05 is then known to 0.01
WITH_WEIGHTS = 3  # trials, the best ones; the weights of all others are removed
WITH_WEIGHTS_AGAIN = 30  # of a sibling's trainings, of which an ensemble is made


def write_results(context: Context, held: HeldTrial, fitted: "Fitted") -> None:
    """Writes what the leaderboard and the exports show of a trial."""
    held.write(
        TrialAttributes(
            miou=fitted.final.miou,
            miou_keras=fitted.final.miou_keras if scoring_of(context.opened.plan.base).has_keras else None,
            iou=fitted.final.iou,
            names=context.dataset.names,
            best_epoch=fitted.final.epoch,
            parameters=fitted.parameters,
            seconds=round(fitted.seconds, 3),
            images_per_second=round(fitted.images_per_second, 2),
            epochs=len(fitted.history),
            stopped=fitted.stopped,
            images=(len(context.dataset.train), len(context.dataset.validation)),
            versions=versions(),
            commit=commit(),
        )
    )


def write_certainty(context: Context, held: HeldTrial, fitted: "Fitted") -> None:
    """Writes the interval of the trial's value, and what tells how sure it is to be better than another trial."""
    dataset, metric = context.dataset, context.opened.plan.base.metric
    values = resample(fitted.confusions, fitted.final.value, metric, dataset.names, dataset.ignore)
    if values is not None:
        held.write(TrialAttributes(interval=interval(values)))
        held.write_resampled([round(value, 4) for value in values[:PAIRED_DRAWS].tolist()])


def add_pictures(context: Context, held: HeldTrial, fitted: "Fitted") -> None:
    """Keeps the trial's pictures; a trial that is finished takes none any more."""
    with tempfile.TemporaryDirectory(prefix="unet-search-") as folder:
        for picture in context.trainer.write_figures(fitted, context.dataset, Path(folder)):
            held.add_picture(context.artifacts, picture)


def save_confusions(context: Context, number: int, fitted: "Fitted") -> None:
    """Saves the confusion matrices of a trial by groups of images, of which an interval for its value can be made.

    Failures are logged.
    """
    try:
        with context.artifacts.local(confusions_key(context.opened.plan.study.name, number)) as confusions:
            with atomic_write(confusions.path) as partial, partial.open("wb") as file:
                np.save(file, fitted.confusions, allow_pickle=False)
            confusions.upload()
    except Exception as error:
        log_event("keeps no confusion matrices", number, one_line(error), error)


def save_weights(context: Context, number: int, fitted: "Fitted") -> None:
    """Saves the weights of a trial that is about to be complete, if it is one of the best. Failures are logged.

    To be called before `tell`: the trial is then RUNNING, and no other worker removes what is saved.
    """
    try:
        if _is_among_best(context, number, fitted.final.value):
            with context.artifacts.local(weights_key(context.opened.plan.study.name, number)) as weights:
                context.trainer.save_model(fitted, weights.path)
                weights.upload()
    except Exception as error:
        log_event("keeps no weights", number, one_line(error), error)


@waits_for_database
def sweep_files(context: Context) -> None:
    """Removes the checkpoints of finished trials, and the weights of those that can never be among the best again.

    A worker that was killed after its trial's end, or suspended past its lease, may have left some. Any number of
    workers may do so at once, each with a view of its own that may be old. Raises OSError, StorageError.
    """
    db, study_id, name = context.db, context.opened.study_id, context.opened.plan.study.name
    weights, checkpoints = list_weights(context.artifacts, name), list_checkpoints(context.artifacts, name)
    finished = finished_among(db, study_id, {*weights, *checkpoints})
    # Asked later, so that no trial that ends in between is missing.
    best = {trial.number for trial in read_best(db, study_id, _count_weights(name))}
    unused = [key for number, key in weights.items() if number in finished - best]
    unused += [key for number, key in checkpoints.items() if number in finished]
    context.artifacts.remove(*unused)


def _is_among_best(context: Context, number: int, value: float) -> bool:
    """Whether a trial that gets this value will be one of the best, as a leaderboard counts."""
    count = _count_weights(context.opened.plan.study.name)
    best = read_best(context.db, context.opened.study_id, count)
    return sum(trial.order < Ranked(number, value).order for trial in best) < count


def _count_weights(study: str) -> int:
    """Of how many of a study's trials the weights are kept."""
    return WITH_WEIGHTS_AGAIN if study.endswith(CONFIRM) else WITH_WEIGHTS
