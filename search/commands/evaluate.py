"""`unet-search evaluate`: score trained networks on labelled images."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from search.commands.networks import open_networks
from search.commands.options import (
    data_changes,
    images_option,
    json_option,
    masks_option,
    networks_options,
    places_option,
)
from search.terminal.plain import cell, plain_console, say
from search.terminal.progressbar import CopyProgress
from storage.folders import check_writable, remove_unused_folders
from trainer.errors import InputError

if TYPE_CHECKING:
    from trainer.config import TrainConfig
    from trainer.data.item import Item
    from trainer.data.pixels import Pixels
    from trainer.model.flips import Flips
    from trainer.result.scores import ImageScores

MOST_WORST = 100  # images in a gallery
COLUMNS = ("IoU", "Dice", "precision", "recall")


@click.command()
@networks_options
@places_option("Labelled images: a data set as it lies on the disk, even of one image")
@images_option
@masks_option
@json_option
@click.option("--csv", "table", type=click.Path(path_type=Path), help="Write the scores of each image here.")
@click.option(
    "--worst", type=click.IntRange(1, MOST_WORST), metavar="K", help="Draw the K images with the lowest mIoU."
)
@click.option("-o", "--gallery", type=click.Path(path_type=Path), help="Their PNG.  [default: worst.png]")
def evaluate(
    *,
    folders: tuple[Path, ...],
    flips: "Flips",
    device: str,
    paths: tuple[Path, ...],
    images: Path | None,
    masks: Path | None,
    as_json: bool,
    table: Path | None,
    worst: int | None,
    gallery: Path | None,
) -> None:
    """Score the model in DIR on labelled images: all of them, neither split nor cleaned, in their own size.

    With several folders the mean of their models' probabilities decides; the first tells the metric.
    """
    from trainer.data.dataset import class_names
    from trainer.data.memory import within_memory
    from trainer.metric import check_metric
    from trainer.result.ensemble import read_ensemble
    from trainer.result.images import check_images, check_truths

    if gallery is not None and worst is None:
        raise InputError(f"a gallery has as many images as --worst says; got {gallery} without it; add --worst 10")
    gallery = Path("worst.png") if worst is not None and gallery is None else gallery
    named = [data_changes(path, images, masks) for path in paths or (None,)]
    if not named[0]:
        raise click.UsageError("name labelled images, by --data or by --images and --masks")
    config = read_ensemble(folders)
    with within_memory():
        # What can be checked without Keras is checked first, since its import takes ten seconds.
        items = _find_items(named)
        _check_outputs([path for path in (table, gallery) if path is not None], items)
        headers = check_images(items, config.data)
        with CopyProgress() as progress:
            check_truths(items, config.data, progress.update)
        check_metric(config.metric, class_names(config.data), config.data.ignored_label)
        networks = open_networks(folders, items, headers, device)
        from trainer.result.apply import predict_items

        predicted = predict_items(networks, items, config.data, flips)
        figures, rows = _score(predicted, items, config, worst or 1, gallery)
        if table is not None:
            _write_table(rows, figures["names"], table)
    if as_json:
        click.echo(json.dumps(figures))
    else:
        _print(figures)
        for path in (table, gallery):
            if path is not None:
                say(str(path))


def _find_items(named: Sequence[dict[str, Any]]) -> "list[Item]":
    from trainer.config import TrainConfig
    from trainer.configfile import override
    from trainer.data.layout.discover import find_labelled
    from trainer.result.tables import sort_items

    return sort_items(item for changes in named for item in find_labelled(override(TrainConfig(), changes).data).items)


def _check_outputs(outputs: Sequence[Path], items: "Sequence[Item]") -> None:
    from trainer.result.output import check_inputs

    inputs = {reference.path for item in items for reference in (item.image, item.mask) if reference is not None}
    for path in outputs:
        check_inputs(path, inputs)
        with remove_unused_folders(path.parent):
            check_writable(path.parent, "choose another place")


def _score(
    masks: "Iterable[Pixels]", items: "Sequence[Item]", config: "TrainConfig", worst: int, gallery: Path | None
) -> "tuple[dict[str, Any], list[ImageScores]]":
    """The scores of the predicted masks of all images together, and of each; writes the gallery."""
    import numpy as np

    from trainer.data.dataset import class_names
    from trainer.result.images import read_truth, view_image
    from trainer.result.scores import compare, score_image, summarise_scores

    data = config.data
    kept = None
    if gallery is not None:
        from trainer.figures.worst import WorstImages  # imports Matplotlib, which takes a second

        kept = WorstImages(worst, data.class_count, data.ignored_label)
    total = np.zeros((data.class_count, data.class_count), np.int64)
    rows = []
    with CopyProgress() as progress:
        for item, predicted in zip(items, masks, strict=True):
            truth = read_truth(item, data)
            confusion = compare(truth, predicted, data)
            total += confusion
            rows.append(score_image(item.name, confusion, data))
            if kept is not None and rows[-1].miou is not None:
                kept.add(item.name, rows[-1].miou, truth, predicted, partial(view_image, item, data))
            progress.update("images scored", len(rows), len(items))
    names = class_names(data)
    if kept is not None and gallery is not None:
        with _writable(gallery):
            kept.write(names, gallery)
    return summarise_scores(total, len(rows), data, names, config.metric), rows


def _write_table(rows: "Sequence[ImageScores]", names: Sequence[str], path: Path) -> None:
    from trainer.result.scores import write_scores

    with _writable(path):
        write_scores(rows, names, path)


@contextmanager
def _writable(path: Path) -> Iterator[None]:
    """Makes the folder of a file to be written; an OSError is an InputError of one line."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise InputError(f"a file must be writable; got {path}: {error.strerror or error}; choose another") from None


def _print(figures: dict[str, Any]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from trainer.metric import metric_label

    keras = "" if figures["miou_keras"] is None else f" (as Keras counts: {figures['miou_keras']:.4f})"
    say(f"mIoU {figures['miou']:.4f}{keras}, mean Dice {figures['mean_dice']:.4f} on {figures['images']} images")
    if figures["metric"] not in ("miou", "dice"):
        say(f"{metric_label(figures['metric'])}: {figures['value']:.4f}, by which the network was chosen")
    foreground = figures["foreground"]
    if foreground is not None and foreground["iou"] is not None:
        name = "foreground" if foreground["name"] == "foreground" else f"foreground, {foreground['name']}"
        say(f"{name}: IoU {foreground['iou']:.4f}, Dice {foreground['dice']:.4f}")
    table = Table("class", box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    for name in COLUMNS:
        table.add_column(name, justify="right", no_wrap=True)
    for label, name in enumerate(figures["names"]):
        values = (figures[column.lower()][label] for column in COLUMNS)
        table.add_row(cell(name), *("-" if value is None else f"{value:.4f}" for value in values))
    plain_console().print(table)
