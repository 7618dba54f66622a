"""`unet-search train` and `retrain`: train one configuration, without a study."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from search.backend import import_trainer, prepare_backend
from search.commands.options import (
    data_changes,
    data_option,
    deterministic_option,
    device_option,
    dir_option,
    find_data,
    images_option,
    json_option,
    load_settings,
    masks_option,
    parse_sets,
    set_option,
)
from search.study.scoring import scoring_of
from search.supervisor.devices import list_gpus
from search.terminal.plain import say
from search.terminal.progressbar import CopyProgress
from search.terminal.training import EpochPrinter, result_lines
from storage.folders import check_writable, remove_unused_folders, removed_after_refusal
from storage.settings import Settings
from trainer.config import BudgetConfig, TrainConfig
from trainer.configfile import load_config, override, read_toml
from trainer.errors import InputError

if TYPE_CHECKING:
    from trainer.data.dataset import Dataset
    from trainer.data.prepare import Prepared


@click.command()
@click.argument("source", metavar="PRESET|FILE")
@data_option
@images_option
@masks_option
@set_option
@dir_option
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The result's folder.  [default: DIR/train/NAME]")
@deterministic_option
@device_option
@json_option
def train(
    *,
    source: str,
    data: Path | None,
    images: Path | None,
    masks: Path | None,
    sets: tuple[str, ...],
    folder: Path | None,
    output: Path | None,
    deterministic: bool,
    device: str,
    as_json: bool,
) -> None:
    """Train one configuration: a preset, or a TOML file such as best.toml."""
    config = override(load_config(source), parse_sets(sets) | data_changes(data, images, masks))
    settings = load_settings(folder)
    if config.data.path is None and config.data.images is None:
        config = override(config, {"data.path": str(find_data(None, settings))})
    prepare_backend(device, deterministic)
    task = Task(config, output or settings.dir / "train" / Path(source).stem, settings, device)
    print_result(*train_into(task), as_json)


@click.command()
@click.argument("file", metavar="BEST.TOML", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="The result's folder.")
@data_option
@images_option
@masks_option
@click.option(
    "--all-data",
    is_flag=True,
    help="Train on the validation images too, for as many epochs as the trial's best one had; there are no scores.",
)
@click.option("--data-limit", metavar="N|none", help="The largest number of training images.  [default: as recorded]")
@set_option
@dir_option
@deterministic_option
@device_option
@json_option
def retrain(
    *,
    file: Path,
    output: Path,
    data: Path | None,
    images: Path | None,
    masks: Path | None,
    all_data: bool,
    data_limit: str | None,
    sets: tuple[str, ...],
    folder: Path | None,
    deterministic: bool,
    device: str,
    as_json: bool,
) -> None:
    """Train an exported configuration in full. Other data than the recorded are refused unless --data names them."""
    config, provenance = read_export(file)
    changes, others = parse_sets(sets), data_changes(data, images, masks)
    if all_data and "budget.epochs" not in changes:
        changes |= shorten(config.budget, read_best_epoch(provenance, file))
    if data_limit is not None:
        changes["data.limit"] = parse_limit(data_limit)
    config = override(config, changes | others)
    fingerprint = None if others else read_fingerprint(provenance, file)
    prepare_backend(device, deterministic)
    print_result(*train_into(Task(config, output, load_settings(folder), device, fingerprint, all_data)), as_json)


def print_result(config: TrainConfig, metrics: dict[str, Any], as_json: bool) -> None:
    """Prints the metrics of a finished training, as JSON or for people."""
    if as_json:
        click.echo(json.dumps(metrics))
        return
    for line in result_lines(scoring_of(config), metrics):
        say(line)


def parse_limit(text: str) -> int | str:
    """The value of --data-limit, as in a configuration. Raises InputError."""
    if text == "none" or (text.isascii() and text.isdecimal() and int(text) > 0):
        return text if text == "none" else int(text)
    raise InputError(f'--data-limit must be a number of images from 1 on, or "none"; got {text!r}')


def read_export(file: Path) -> tuple[TrainConfig, dict[str, Any]]:
    """The configuration in a best.toml, and where it came from. Raises InputError."""
    config = load_config(file)
    provenance = read_toml(file).get("provenance", {})
    if not isinstance(provenance, dict):
        raise InputError(f"provenance must be a table; got {provenance!r} in {file}; export the trial again")
    return config, provenance


def read_fingerprint(provenance: dict[str, Any], file: Path) -> str | None:
    """The fingerprint of the data of an export's search; None where it has none. Raises InputError."""
    fingerprint = provenance.get("fingerprint")
    if fingerprint is not None and not isinstance(fingerprint, str):
        raise InputError(f"provenance.fingerprint must be text; got {fingerprint!r} in {file}; export the trial again")
    return fingerprint


def read_best_epoch(provenance: dict[str, Any], file: Path) -> int:
    """The epoch in which an exported trial was best. Raises InputError."""
    epoch = provenance.get("best_epoch")
    if type(epoch) is not int or epoch < 1:  # TOML's true would be an int
        raise InputError(
            f"--all-data needs the epoch in which the trial was best, as exports record it; got {epoch!r} for "
            f"provenance.best_epoch in {file}; say how long to train with --set budget.epochs=N"
        )
    return epoch


def shorten(budget: BudgetConfig, epoch: int) -> dict[str, Any]:
    """The changes, by path, with which a training ends with an epoch, from 1."""
    steps = {} if budget.steps is None else {"budget.steps": max(1, round(budget.steps * epoch / budget.epochs))}
    return {"budget.epochs": epoch} | steps


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
    with remove_unused_folders(task.folder), removed_after_refusal(task.settings.decoded_data):
        check_writable(task.folder, "give another one with -o")
        prepared = _prepare(task)
        dataset = _use_all(prepared.dataset) if task.all_data else prepared.dataset
        config = TrainConfig(**{**dict(task.config), "data": prepared.look.config})
        return config, _train(replace(task, config=config), dataset)


def _prepare(task: Task) -> "Prepared":
    """Decodes the data, tells what to consider, and checks that they are those of the search."""
    from trainer.data.inspect import list_warnings
    from trainer.data.prepare import prepare_data
    from trainer.metric import check_metric

    data, has_gpu = task.config.data, task.device != "cpu" and bool(list_gpus())
    with CopyProgress() as progress:
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
    metrics: dict[str, Any] = result.summarise(fitted, len(dataset.validation) > 0)
    return metrics | {"folder": str(folder)}
