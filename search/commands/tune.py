"""`unet-search tune`: measures what is fastest on this machine, and recommends it."""

import json
import shlex
from pathlib import Path

import click

from search.commands.options import (
    data_changes,
    data_option,
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
from search.supervisor.devices import DeviceChoice, list_device_slots
from search.terminal.plain import plain_console, say
from search.terminal.progressbar import CopyProgress
from search.tuning.source import is_training, load_base
from search.tuning.table import measured_table, recommendation_lines
from search.tuning.tune import tune as measure
from storage.folders import check_writable, remove_unused_folders, removed_after_refusal
from trainer.config import TrainConfig
from trainer.configfile import override
from trainer.data.prepare import prepare_data
from trainer.errors import InputError

LEAST_S, MOST_S = 5, 3600


@click.command()
@click.argument("source", metavar="[SEARCH.TOML|PRESET]", required=False)
@data_option
@images_option
@masks_option
@set_option
@dir_option
@device_option
@click.option("--seconds", type=float, default=60.0, help="That it may take, about.  [default: 60]")
@json_option
def tune(
    *,
    source: str | None,
    data: Path | None,
    images: Path | None,
    masks: Path | None,
    sets: tuple[str, ...],
    folder: Path | None,
    device: DeviceChoice,
    seconds: float,
    as_json: bool,
) -> None:
    """Measure what trains fastest on this machine: numbers of workers, batch size, precision, compilation.

    Nothing is changed: what to do is recommended, as options and as lines for a search file.
    """
    if not LEAST_S <= seconds <= MOST_S:
        raise InputError(f"--seconds must be {LEAST_S} to {MOST_S:,}; got {seconds:g}")
    settings = load_settings(folder)
    gpu = any(slot.gpu for slot in list_device_slots(None, device))
    changes = parse_sets(sets) | data_changes(data, images, masks)
    with remove_unused_folders(settings.dir), removed_after_refusal(settings.decoded_data):
        check_writable(settings.dir, "give another one with --dir")
        config = load_base(source, changes, gpu)
        if config.data.path is None and config.data.images is None:
            config = override(config, {"data.path": str(find_data(None, settings).resolve())})
        with CopyProgress() as progress:
            prepared = prepare_data(config.data, settings.decoded_data, gpu, progress.update)
        config = TrainConfig(**{**dict(config), "data": prepared.look.config})
        found = measure(config, settings.decoded_data, device, seconds, lambda line: say(line, err=True))
    if as_json:
        click.echo(json.dumps(found.to_json()))
        return
    plain_console().print(measured_table(found.measured))
    base = source if source is not None and is_training(source) else None
    command = ["unet-search", "run", *_run_arguments(None if base else source, data, images, masks)]
    for line in ("", *recommendation_lines(found.recommended, command, base)):
        click.echo(line)


def _run_arguments(source: str | None, *places: Path | None) -> list[str]:
    """The arguments with which `run` searches the same data."""
    given: list[str] = [] if source is None else [source]
    for option, place in zip(("--data", "--images", "--masks"), places, strict=True):
        given += [] if place is None else [option, str(place)]
    return [shlex.quote(argument) for argument in given]
