"""`unet-search data`: inspects a data set, and writes a copy without its corrupt images."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from search.commands.options import (
    data_changes,
    dir_option,
    images_option,
    json_option,
    load_settings,
    masks_option,
    parse_sets,
    set_option,
)
from search.supervisor.devices import list_gpus
from search.terminal.plain import cell, plain_console, say
from search.terminal.progressbar import CopyProgress
from storage.folders import remove_unused_folders

if TYPE_CHECKING:
    from trainer.config import DataConfig
    from trainer.data.inspect import Inspection, SideCounts


@click.group()
def data() -> None:
    """Look at a data set, or clean it."""


@data.command()
@click.argument("file", metavar="[DATA]", required=False, type=click.Path(path_type=Path))
@images_option
@masks_option
@click.option("--no-clean", is_flag=True, help="Keep every image.")
@click.option("--sheet", type=click.Path(path_type=Path), help="Write a contact sheet (PNG) here.")
@click.option("--write", type=click.Path(path_type=Path), help="Write what was found as a search.toml to edit.")
@set_option
@dir_option
@json_option
def check(
    *,
    file: Path | None,
    images: Path | None,
    masks: Path | None,
    no_clean: bool,
    sheet: Path | None,
    write: Path | None,
    sets: tuple[str, ...],
    folder: Path | None,
    as_json: bool,
) -> None:
    """What is in DATA, as they lie on the disk, what is wrong with them, and how they are split."""
    from trainer.data.inspect import inspect

    settings = load_settings(folder)
    # Decoded data are kept where a search will look for them, and nowhere where there was none yet and none is named.
    cache = settings.decoded_data if folder is not None or settings.dir.is_dir() else None
    with CopyProgress() as progress:
        found = inspect(_config(file, images, masks, no_clean, sets), cache, bool(list_gpus()), progress.update)
    if sheet is not None:
        from trainer.figures.sheet import write_contact_sheet  # imports Matplotlib, which takes a second

        with remove_unused_folders(sheet.parent):
            write_contact_sheet(found.dataset, sheet)
    if write is not None:
        from trainer.data.look.table import write_table

        write_table(found.prepared.look, write)
    if as_json:
        click.echo(json.dumps(found.summary()))
        return
    _print(found)
    if sheet is not None:
        say(f"contact sheet: {sheet}")
    if write is not None:
        say(f"to edit: {write}; then `unet-search run {write}`")


@data.command()
@click.argument("file", metavar="DATA", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="The cleaned npz file.")
@set_option
def clean(file: Path, output: Path, sets: tuple[str, ...]) -> None:
    """Write the labelled images of DATA without the corrupt ones as an npz file."""
    from trainer.data.inspect import write_cleaned

    with remove_unused_folders(output.parent):
        say(str(write_cleaned(_config(file, None, None, False, sets), output)))


def _config(
    file: Path | None, images: Path | None, masks: Path | None, no_clean: bool, sets: tuple[str, ...]
) -> "DataConfig":
    from trainer.config import TrainConfig
    from trainer.configfile import override

    named = data_changes(file, images, masks)
    if not named:
        raise click.UsageError("name the data, by a path or by --images and --masks")
    return override(TrainConfig(), parse_sets(sets) | named | ({"data.clean": False} if no_clean else {})).data


def _print(found: "Inspection") -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    figures = found.summary()
    console = plain_console()
    sizes = "x".join(map(str, figures["size"]))
    if figures["smallest"] != figures["size"]:
        sizes = f"{'x'.join(map(str, figures['smallest']))} to {sizes}"
    groups = "no groups" if figures["groups"] is None else f"{figures['groups']} groups"
    console.print(f"{figures['images']} images of {sizes}, {groups}, {figures['test_images']} test images")
    console.print(f"{figures['dropped']} dropped, {figures['kept']} kept; fingerprint {figures['fingerprint'][:16]}")
    for line in found.prepared.look.found:
        console.print(cell(line), soft_wrap=True)
    table = Table("class", "share", "side", box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    for name in ("pixels", "images", "groups", "of class"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in found.rows:
        name = f"{row.label} {row.name}" + (" (ignored)" if row.ignored else "")
        validates = row.validation_share
        shares = ("-", "-") if validates is None else (f"{1 - validates:.1%}", f"{validates:.1%}")
        table.add_row(cell(name), f"{row.share:.2%}", "training", *_counts(row.training), shares[0])
        table.add_row("", "", "validation", *_counts(row.validation), shares[1])
    console.print(table)
    _print_dropped(found)
    for warning in found.warnings:
        console.print(cell("warning:", "yellow"), cell(warning), soft_wrap=True)


def _print_dropped(found: "Inspection") -> None:
    """Prints one line for each reason, with the indices of the images in the file."""
    reasons: dict[str, list[int]] = {}
    for image in found.dataset.dropped:
        reasons.setdefault(image.reason, []).append(image.index)
    for reason, indices in reasons.items():
        say(f"dropped: {reason}: {', '.join(map(str, indices))}")


def _counts(side: "SideCounts") -> list[str]:
    return ["-" if count is None else f"{count:,}" for count in (side.pixels, side.images, side.groups)]
