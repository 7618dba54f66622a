"""What is kept of a training: figures as user attributes, and pictures."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import optuna

from search.provenance import commit, versions
from search.session import Session
from storage.artifacts import upload_picture

if TYPE_CHECKING:
    from trainer.fit import Fitted


def describe(session: Session, trial: optuna.Trial, fitted: "Fitted") -> None:
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
        "images": [len(session.dataset.train), len(session.dataset.validation)],
        "versions": versions(),
        "commit": commit(),
    }
    for key, value in attributes.items():
        trial.set_user_attr(key, value)


def upload_pictures(session: Session, trial: optuna.Trial, fitted: "Fitted") -> None:
    """Keeps the trial's pictures, pruned or not; a finished trial takes none any more."""
    with tempfile.TemporaryDirectory(prefix="unet-search-") as folder:
        for picture in session.tools.write_figures(fitted, session.dataset, Path(folder)):
            upload_picture(session.artifacts, trial, picture)
