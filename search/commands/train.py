"""`unet-search train` and `retrain`: train one configuration, without a study."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from search.backend import import_trainer, prepare_backend
from search.commands.options import (
    data_option,
    deterministic_option,
    device_option,
    dir_option,
    find_data,
    json_option,
    load_settings,
    parse_sets,
    set_option,
)
from search.terminal.plain import say
from storage.folders import check_writable, remove_unused_folders
from trainer.config import TrainConfig
from trainer.configfile import load_config, override, read_toml
from trainer.errors import InputError
from trainer.model.shape import check_shape

if TYPE_CHECKING:
    from trainer.data.dataset import Dataset
    from trainer.training.fit import Epoch


@click.command()
@click.argument("source", metavar="PRESET|FILE")
@data_option
@set_option
@dir_option
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The result's folder.  [default: DIR/train/NAME]")
@deterministic_option
@device_option
@json_option
def train(
    source: str,
    data: Path | None,
    sets: tuple[str, ...],
    folder: Path | None,
    output: Path | None,
    deterministic: bool,
    device: str,
    as_json: bool,
) -> None:
    """Train one configuration: a preset, or a TOML file such as best.toml."""
    config = override(load_config(source), parse_sets(sets))
    settings = load_settings(folder)
    if data is not None or config.data.path is None:
        config = override(config, {"data.path": str(find_data(data, settings))})
    prepare_backend(device, deterministic)
    metrics = train_into(config, output or settings.dir / "train" / Path(source).stem, require_gpu=device == "gpu")
    print_metrics(metrics, as_json)


@click.command()
@click.argument("file", metavar="BEST.TOML", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="The result's folder.")
@data_option
@set_option
@deterministic_option
@device_option
@json_option
def retrain(
    file: Path,
    output: Path,
    data: Path | None,
    sets: tuple[str, ...],
    deterministic: bool,
    device: str,
    as_json: bool,
) -> None:
    """Train an exported configuration in full. Other data than the recorded are refused unless --data names them."""
    config, fingerprint = read_export(file)
    config = override(config, parse_sets(sets))
    if data is not None:
        config, fingerprint = override(config, {"data.path": str(data)}), None
    prepare_backend(device, deterministic)
    metrics = train_into(config, output, fingerprint=fingerprint, require_gpu=device == "gpu")
    print_metrics(metrics, as_json)


def print_metrics(metrics: dict[str, Any], as_json: bool) -> None:
    """Prints the metrics of a finished training, as JSON or for people."""
    if as_json:
        click.echo(json.dumps(metrics))
        return
    say(
        f"best mIoU {metrics['miou']:.4f} (as Keras counts: {metrics['miou_keras']:.4f}) at epoch "
        f"{metrics['best_epoch']} of {metrics['epochs']}; {metrics['parameters']:,} parameters, "
        f"{metrics['images_per_second']:.0f} images/s, {metrics['seconds'] / 60:.1f} min; in {metrics['folder']}"
    )


def read_export(file: Path) -> tuple[TrainConfig, str | None]:
    """The configuration in a best.toml, and the fingerprint of the data of its search. Raises InputError."""
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
    """Trains a configuration and writes the result into a folder; returns the metrics, as in its `metrics.json`.

    Prints a line for each epoch on standard error. An interrupted training of the same configuration on the same data
    is resumed after its last epoch.

    Args:
        fingerprint: that the data must have; None for any.
        require_gpu: whether to refuse to train on the CPU.

    Raises:
        InputError: the data, the configuration or the device is not suitable.
        StorageError: the folder cannot be written.
        DivergedError: the loss is not finite.
    """
    from trainer.data.dataset import open_dataset

    dataset = open_dataset(config.data)
    if fingerprint is not None and dataset.fingerprint != fingerprint:
        raise InputError(
            f"the data must be those of the search, fingerprint {fingerprint[:16]}; got {dataset.fingerprint[:16]} in "
            f"{config.data.path}; give --data to train on other data"
        )
    check_shape(config.model, *dataset.images.shape[1:3])
    with remove_unused_folders(folder):
        check_writable(folder, "give another one with -o")
        return _train(config, dataset, folder, require_gpu)


def _train(config: TrainConfig, dataset: "Dataset", folder: Path, require_gpu: bool) -> dict[str, Any]:
    from search.space.space import digest  # imports Optuna, which checking the input does not need

    backend, fit, result = import_trainer()
    from trainer.figures.training import write_figures

    if require_gpu:
        backend.require_gpu()
    checkpoint = folder / f"checkpoint-{digest(config)[:8]}-{config.seed}-{dataset.fingerprint[:8]}.npz"
    if checkpoint.exists():
        say(f"going on from {checkpoint}", err=True)
    fitted = fit.train(config, dataset, EpochPrinter(config, dataset), checkpoint)
    result.write_result(fitted, dataset, folder, write_figures)
    checkpoint.unlink(missing_ok=True)
    metrics: dict[str, Any] = result.summarise(fitted)
    return metrics | {"folder": str(folder)}


class EpochPrinter:
    """Prints a line for each epoch, with the time that is left."""

    def __init__(self, config: TrainConfig, dataset: "Dataset") -> None:
        self._epochs, self._names = config.budget.epochs, dataset.names
        self._started = time.monotonic()
        self._done = 0  # epochs, without those of an earlier training that is resumed
        click.echo(f"training on {len(dataset.train)} images, validating on {len(dataset.validation)}", err=True)

    def __call__(self, epoch: "Epoch") -> bool:
        """Prints the epoch; returns True, so that the training goes on."""
        self._done += 1
        left_s = (time.monotonic() - self._started) / self._done * (self._epochs - epoch.epoch)
        classes = " ".join(
            f"{name} {iou:.3f}" for name, iou in zip(self._names, epoch.iou, strict=True) if iou is not None
        )
        say(
            f"epoch {epoch.epoch}/{self._epochs}  loss {epoch.loss:.4f}  mIoU {epoch.miou:.4f}  ({classes})  "
            f"{epoch.seconds:.1f} s, about {left_s / 60:.0f} min to go",
            err=True,
        )
        return True
