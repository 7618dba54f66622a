"""`unet-search train` and `retrain`: train one configuration, without a study."""

import json
from pathlib import Path
from typing import Any

import click

from search.backend import prepare_backend
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
from search.terminal.plain import say
from search.terminal.training import ensemble_lines, result_lines
from search.training import Task, train_into, train_seeds
from trainer.config import BudgetConfig, TrainConfig
from trainer.configfile import load_config, override, read_toml
from trainer.errors import InputError

MOST_SEEDS = 20


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
@click.option(
    "--seeds",
    type=click.IntRange(1, MOST_SEEDS),
    metavar="N",
    default=1,
    help="Train with N seeds, each in OUTPUT/seed-K; OUTPUT is then their best ensemble.",
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
    seeds: int,
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
    task = Task(config, output, load_settings(folder), device, fingerprint, all_data)
    print_result(*(train_seeds(task, seeds) if seeds > 1 else train_into(task)), as_json)


def print_result(config: TrainConfig, metrics: dict[str, Any], as_json: bool) -> None:
    """Prints the metrics of a finished training, as JSON or for people."""
    if as_json:
        click.echo(json.dumps(metrics))
        return
    lines = ensemble_lines if "members" in metrics else result_lines
    for line in lines(scoring_of(config), metrics):
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
