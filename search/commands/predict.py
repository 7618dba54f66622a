"""`unet-search predict`: apply trained networks to images."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from search.commands.networks import open_networks
from search.commands.options import networks_options, places_option
from search.terminal.plain import say
from search.terminal.progressbar import CopyProgress
from storage.folders import check_writable, remove_unused_folders
from trainer.errors import InputError

if TYPE_CHECKING:
    from trainer.config import DataConfig
    from trainer.data.item import Header, Item
    from trainer.data.pixels import Pixels
    from trainer.model.flips import Flips
    from trainer.model.predict import Network
    from trainer.result.output import Outputs

REMEDY = "choose another place with -o"


@click.command()
@networks_options
@places_option(
    "Images: a folder, a file, a pattern such as 'scans/*.tif', or a data set with test images", required=True
)
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help=".npz, .csv, or a folder for PNG.")
@click.option("--overlay", is_flag=True, help="Also pictures of the masks over their images, in OUTPUT/overlay.")
@click.option("--probabilities", is_flag=True, help="Also each class's probability, in OUTPUT/probabilities (.npy).")
def predict(
    *,
    folders: tuple[Path, ...],
    flips: "Flips",
    device: str,
    paths: tuple[Path, ...],
    output: Path,
    overlay: bool,
    probabilities: bool,
) -> None:
    """Write a mask of each image, in the image's own size, with the model in DIR.

    With several folders the mean of their models' probabilities decides.
    """
    from trainer.data.layout.discover import find_images
    from trainer.data.memory import within_memory
    from trainer.result.ensemble import read_ensemble
    from trainer.result.images import check_images
    from trainer.result.output import name_outputs, table_suffix, write_manifest
    from trainer.result.tables import sort_items

    # What can be checked without Keras is checked first, since its import takes ten seconds.
    suffix = table_suffix(output)
    if suffix and (overlay or probabilities):
        raise InputError(f"--overlay and --probabilities need a folder after -o; got {output}")
    data = read_ensemble(folders).data
    with within_memory():
        items = sort_items(find_images(paths))
        outputs = [name_outputs(item.name, overlay, probabilities) for item in items]
        headers = check_images(items, data)
        write = _prepare_table(output, suffix, items, headers, data) if suffix else None
        files = [] if suffix else _prepare_folder(output, items, outputs, data)
        networks = open_networks(folders, items, headers, device)
        from trainer.result.apply import output_classes

        place = output.parent if write else output
        with remove_unused_folders(place):
            check_writable(place, REMEDY)
            masks = _predict(networks, items, data, flips, place, outputs)
            try:
                if write:
                    write(masks)
                else:
                    write_manifest(output, files)
                    _write_folder(masks, items, outputs, data, output_classes(networks[0].model), output)
            except OSError as error:
                raise InputError(
                    f"masks must be writable; got {error.filename or output}: {error.strerror or error}; {REMEDY}"
                ) from None
    say(f"{len(items)} masks in {output}")


def _prepare_table(
    output: Path, suffix: str, items: "Sequence[Item]", headers: "Sequence[Header]", data: "DataConfig"
) -> "Callable[[Iterator[Pixels]], None]":
    """Checks that masks can be written to a file; returns what writes them."""
    from trainer.result.output import check_inputs, check_table
    from trainer.result.tables import common_size, write_csv, write_npz

    check_inputs(output, {item.image.path for item in items})
    check_table(output)
    size = common_size(items, headers, output)
    write = write_npz if suffix == ".npz" else write_csv
    return lambda masks: write(output, items, size, masks, data)


def _prepare_folder(
    output: Path, items: "Sequence[Item]", outputs: "Sequence[Outputs]", data: "DataConfig"
) -> list[str]:
    """Checks that masks can be written to a folder; returns the files that it will list as predicted."""
    from trainer.result.masks import check_png
    from trainer.result.output import check_folder, check_inputs

    inputs = {item.image.path for item in items}
    check_inputs(output, inputs)
    check_png(data)
    return check_folder(output, outputs, inputs)


def _write_folder(
    masks: "Iterable[Pixels]",
    items: "Sequence[Item]",
    outputs: "Sequence[Outputs]",
    data: "DataConfig",
    classes: int,
    folder: Path,
) -> None:
    """Writes the files of each image as soon as they are predicted."""
    from trainer.figures.overlay import write_overlay
    from trainer.result.images import view_image
    from trainer.result.masks import write_png

    for item, names, mask in zip(items, outputs, masks, strict=True):
        write_png(mask, data, _make_parent(folder / names.mask))
        if names.overlay is not None:
            path = _make_parent(folder / names.overlay)
            write_overlay(view_image(item, data), mask, classes, data.ignored_label, path)


def _predict(
    networks: "Sequence[Network]",
    items: "Sequence[Item]",
    data: "DataConfig",
    flips: "Flips",
    folder: Path,
    outputs: "Sequence[Outputs]",
) -> "Iterator[Pixels]":
    """The masks of all images, in their order; probabilities are written on the way where they have a file."""
    from trainer.result.apply import predict_items

    files = [folder / names.probabilities for names in outputs if names.probabilities is not None]
    with CopyProgress() as progress:
        for done, mask in enumerate(predict_items(networks, items, data, flips, files or None), 1):
            yield mask
            progress.update("images predicted", done, len(items))


def _make_parent(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
