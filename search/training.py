"""Trains configurations without a study: what `unet-search train` and `retrain` do."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search.backend import import_trainer
from search.sharing.export import borrow_by_fingerprint
from search.supervisor.devices import list_gpus
from search.terminal.plain import say
from search.terminal.progressbar import CopyProgress
from search.terminal.training import EpochPrinter
from storage.folders import check_writable, remove_unused_folders, removed_after_refusal
from storage.settings import Settings
from trainer.config import TrainConfig
from trainer.configfile import override
from trainer.errors import InputError

if TYPE_CHECKING:
    from trainer.data.dataset import Dataset
    from trainer.data.prepare import Prepared


@dataclass(frozen=True)
class Task:
    """One training of a command line."""

    config: TrainConfig
    folder: Path  # of the result
    settings: Settings  # of the run, in whose folder the data are decoded
    device: str  # auto, cpu or gpu; gpu refuses to train on the CPU
    fingerprint: str | None = None  # that the data must have; None for any
    all_data: bool = False  # whether the validation images are trained on too


def train_into(task: Task) -> tuple[TrainConfig, dict[str, Any]]:
    """Trains a configuration and writes the result into a folder.

    Returns the configuration, with all that was found in the data, and the metrics, as in `metrics.json`. Prints a
    line for each epoch on standard error. An interrupted training of the same configuration on the same data is
    resumed after its last epoch.

    Raises:
        InputError: the data, the configuration or the device is not suitable.
        StorageError: the folder cannot be written.
        DivergedError: the loss is not finite.
    """
    with _opened(task) as (config, dataset):
        return config, _train(replace(task, config=config), dataset)


def train_seeds(task: Task, count: int) -> tuple[TrainConfig, dict[str, Any]]:
    """Trains a configuration with `count` seeds, its own and the next ones, and writes the best ensemble of them.

    Each training has a folder of its own in the task's, `seed-N`; one that is there already, of the same configuration
    and data, is not repeated. The ensemble is a result beside them. Returns and raises as `train_into`.
    """
    with _opened(task) as (config, dataset):
        folders = []
        for seed in range(config.seed, config.seed + count):
            member = replace(task, config=override(config, {"seed": seed}), folder=task.folder / f"seed-{seed}")
            if _is_done(member, dataset):
                say(f"seed {seed}: {member.folder} holds it already", err=True)
            else:
                say(f"seed {seed}", err=True)
                _train(member, dataset)
            folders.append(member.folder)
        from trainer.result.members import write_ensemble

        return config, write_ensemble(folders, config, dataset, task.folder) | {"folder": str(task.folder)}


def combine_results(task: Task, folders: Sequence[Path], select: bool) -> dict[str, Any]:
    """Writes an ensemble of results into the task's folder; returns its metrics. Raises as `train_into`.

    Args:
        task: of the configuration that they were trained with.
        folders: the results.
        select: whether the best of them are chosen on the validation side; it must be one that none was trained on.
    """
    with _opened(task) as (config, dataset):
        import_trainer()
        from trainer.result.members import write_ensemble

        if not select:
            dataset = replace(dataset, validation=dataset.validation[:0])
        return write_ensemble(folders, config, dataset, task.folder) | {"folder": str(task.folder)}


@contextmanager
def _opened(task: Task) -> "Iterator[tuple[TrainConfig, Dataset]]":
    """The configuration, with all that was found in the data, and the data; leaves no empty folder behind."""
    with remove_unused_folders(task.folder), removed_after_refusal(task.settings.decoded_data):
        check_writable(task.folder, "give another one with -o")
        prepared = _prepare(task)
        dataset = _use_all(prepared.dataset) if task.all_data else prepared.dataset
        yield TrainConfig(**{**dict(task.config), "data": prepared.look.config}), dataset


def _is_done(task: Task, dataset: "Dataset") -> bool:
    """Whether the task's folder holds the result of the same configuration on the same data."""
    from trainer.result.folder import read_config

    try:
        metrics = json.loads((task.folder / "metrics.json").read_text("utf-8"))
        is_same = metrics["fingerprint"] == dataset.fingerprint and (metrics["value"] is None) == task.all_data
        return is_same and read_config(task.folder) == task.config
    except (OSError, ValueError, LookupError, TypeError, InputError):
        return False


def _prepare(task: Task) -> "Prepared":
    """Decodes the data, tells what to consider, and checks that they are those of the search."""
    from trainer.data.inspect import list_warnings
    from trainer.data.prepare import prepare_data
    from trainer.metric import check_metric

    data, has_gpu = task.config.data, task.device != "cpu" and bool(list_gpus())
    with CopyProgress() as progress:
        if task.fingerprint is not None:
            tell = partial(say, err=True)
            data = borrow_by_fingerprint(data, task.fingerprint, task.settings, tell, progress.update)
        prepared = prepare_data(data, task.settings.decoded_data, has_gpu, progress.update)
    dataset = prepared.dataset
    if task.fingerprint not in (None, dataset.fingerprint):
        raise InputError(
            f"the data must be those of the search, fingerprint {str(task.fingerprint)[:16]}; got "
            f"{dataset.fingerprint[:16]} in {prepared.source.path}; give --data to train on other data"
        )
    check_metric(task.config.metric, dataset.names, dataset.ignore)
    for line in list_warnings(prepared):
        say(f"warning: {line}", err=True)
    return prepared


def _use_all(dataset: "Dataset") -> "Dataset":
    """The data set with all its images on the training side."""
    import numpy as np

    both = np.sort(np.concatenate([dataset.train, dataset.validation]))
    return replace(dataset, train=both, validation=dataset.validation[:0])


def _train(task: Task, dataset: "Dataset") -> dict[str, Any]:
    from trainer.data.cache.key import digest_of

    backend, fit, result = import_trainer()
    from trainer.figures.training import write_figures

    config, folder = task.config, task.folder
    if task.device == "gpu":
        backend.require_gpu()
    asked = config.model_dump(mode="json", exclude={"data": {"path", "images", "masks"}})
    name = f"checkpoint-{digest_of(asked)[:8]}-{dataset.fingerprint[:8]}"
    checkpoint = folder / f"{name}{'-all' if task.all_data else ''}.npz"
    if checkpoint.exists():
        say(f"going on from {checkpoint}", err=True)
    fitted = fit.train(config, dataset, EpochPrinter(config, dataset), checkpoint)
    result.write_result(fitted, dataset, folder, write_figures)
    checkpoint.unlink(missing_ok=True)
    metrics: dict[str, Any] = result.summarise(fitted, dataset)
    return metrics | {"folder": str(folder)}
