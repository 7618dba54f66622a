"""Training outside a study: into a folder, going on where it was interrupted."""

import os
import time
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import click

from search.engine import choose_engine
from storage.files import check_writable, without_empty_folders
from trainer.config import TrainConfig
from trainer.configfile import load_config, read_toml
from trainer.errors import InputError
from trainer.shape import check_shape

if TYPE_CHECKING:
    from trainer.dataset import Dataset
    from trainer.fit import Epoch


def prepare_engine(device: str, deterministic: bool) -> None:
    """Checks that the engine is there and sets its switches; to be called before Keras is imported."""
    choose_engine()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
        os.environ["JAX_PLATFORMS"] = "cpu"
    if deterministic:
        os.environ["TF_DETERMINISTIC_OPS"] = "1"


def read_exported(file: Path) -> tuple[TrainConfig, str | None]:
    """A best.toml's configuration and the fingerprint of the data that it was found on."""
    config = load_config(file)
    provenance = read_toml(file).get("provenance", {})
    if not isinstance(provenance, dict):
        raise InputError(f"provenance must be a table; got {provenance!r} in {file}; export the trial again")
    fingerprint = provenance.get("fingerprint")
    if fingerprint is not None and not isinstance(fingerprint, str):
        raise InputError(f"provenance.fingerprint must be text; got {fingerprint!r} in {file}; export the trial again")
    return config, fingerprint


def train_into(
    config: TrainConfig, folder: Path, *, fingerprint: str | None = None, require_gpu: bool = False
) -> dict[str, Any]:
    """Trains into a folder, printing a line an epoch on standard error; gives the figures of `metrics.json`.

    fingerprint:  that the data must have, where one is given
    An interrupted training of the same configuration on the same data goes on from its last epoch.
    """
    from trainer.dataset import open_dataset

    dataset = open_dataset(config.data)
    if fingerprint is not None and dataset.fingerprint != fingerprint:
        raise InputError(
            f"the data must be those of the search, fingerprint {fingerprint[:16]}; got {dataset.fingerprint[:16]} in "
            f"{config.data.path}; give --data to train on other data"
        )
    check_shape(config.model, *dataset.images.shape[1:3])
    with without_empty_folders(folder):
        check_writable(folder, "give another one with -o")
        return _train(config, dataset, folder, require_gpu)


def _train(config: TrainConfig, dataset: "Dataset", folder: Path, require_gpu: bool) -> dict[str, Any]:
    from search.space import digest  # with Optuna; bad input is refused without it

    engine, fit, result = import_trainer()
    if require_gpu:
        engine.require_gpu()
    checkpoint = folder / f"checkpoint-{digest(config)[:8]}-{config.seed}-{dataset.fingerprint[:8]}.npz"
    if checkpoint.exists():
        click.echo(f"going on from {checkpoint}", err=True)
    fitted = fit.train(config, dataset, EpochLines(config, dataset), checkpoint)
    result.write_result(fitted, dataset, folder)
    checkpoint.unlink(missing_ok=True)
    metrics: dict[str, Any] = result.summarise(fitted)
    return metrics | {"folder": str(folder)}


def import_trainer() -> tuple[ModuleType, ModuleType, ModuleType]:
    """`trainer.engine`, `fit` and `result`. What TensorFlow's libraries say while they load goes nowhere: on a machine
    without a GPU that is a page of warnings, and no setting turns it off. A failure is an exception all the same."""
    kept = os.dup(2)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        from trainer import engine, fit, result

        engine.devices("gpu")
        return engine, fit, result
    finally:
        os.dup2(kept, 2)
        os.close(kept)


class EpochLines:
    """Prints each epoch as a line, and the time to go."""

    def __init__(self, config: TrainConfig, dataset: "Dataset") -> None:
        self._epochs, self._names = config.budget.epochs, dataset.names
        self._started = time.monotonic()
        self._told = 0
        click.echo(f"training on {len(dataset.train)} images, validating on {len(dataset.validation)}", err=True)

    def __call__(self, epoch: "Epoch") -> bool:
        self._told += 1
        left_s = (time.monotonic() - self._started) / self._told * (self._epochs - epoch.epoch)
        classes = " ".join(
            f"{name} {iou:.3f}" for name, iou in zip(self._names, epoch.iou, strict=True) if iou is not None
        )
        click.echo(
            f"epoch {epoch.epoch}/{self._epochs}  loss {epoch.loss:.4f}  mIoU {epoch.miou:.4f}  ({classes})  "
            f"{epoch.seconds:.1f} s, about {left_s / 60:.0f} min to go",
            err=True,
        )
        return True
