"""`unet-search train` and `retrain`: one configuration, without a study."""

import json
from pathlib import Path
from typing import Any

import click

from search.commands.options import (
    as_json,
    data_path,
    deterministic,
    device,
    find_data,
    load_settings,
    run_dir,
    sets,
)
from search.sets import parse_sets


@click.command()
@click.argument("source", metavar="PRESET|FILE")
@data_path
@sets
@run_dir
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The result's folder.  [default: DIR/train/NAME]")
@deterministic
@device
@as_json
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
    from search.training import prepare_engine, train_into
    from trainer.configfile import load_config, override

    config = override(load_config(source), parse_sets(sets))
    settings = load_settings(folder)
    if data is not None or config.data.path is None:
        config = override(config, {"data.path": str(find_data(data, settings))})
    prepare_engine(device, deterministic)
    metrics = train_into(config, output or settings.dir / "train" / Path(source).stem, require_gpu=device == "gpu")
    report(metrics, as_json)


@click.command()
@click.argument("file", metavar="BEST.TOML", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="The result's folder.")
@data_path
@sets
@deterministic
@device
@as_json
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
    from search.training import prepare_engine, read_exported, train_into
    from trainer.configfile import override

    config, fingerprint = read_exported(file)
    config = override(config, parse_sets(sets))
    if data is not None:
        config, fingerprint = override(config, {"data.path": str(data)}), None
    prepare_engine(device, deterministic)
    metrics = train_into(config, output, fingerprint=fingerprint, require_gpu=device == "gpu")
    report(metrics, as_json)


def report(metrics: dict[str, Any], as_json: bool) -> None:
    """The figures of a finished training."""
    if as_json:
        click.echo(json.dumps(metrics))
        return
    click.echo(
        f"best mIoU {metrics['miou']:.4f} (as Keras counts: {metrics['miou_keras']:.4f}) at epoch "
        f"{metrics['best_epoch']} of {metrics['epochs']}; {metrics['parameters']:,} parameters, "
        f"{metrics['images_per_second']:.0f} images/s, {metrics['seconds'] / 60:.1f} min; in {metrics['folder']}"
    )
