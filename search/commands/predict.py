"""`unet-search predict`: apply a trained network to images."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from search.commands.options import device_option
from search.terminal.plain import say
from search.terminal.progressbar import CopyProgress
from storage.folders import check_writable, remove_unused_folders
from trainer.errors import InputError

if TYPE_CHECKING:
    from trainer.config import DataConfig
    from trainer.data.item import Header, Item
    from trainer.data.pixels import Pixels
    from trainer.result.output import Outputs

REMEDY = "choose another place with -o"


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--data",
    "paths",
    type=click.Path(path_type=Path),
    required=True,
    multiple=True,
    help="Images: a folder, a file, a pattern such as 'scans/*.tif', or a data set with test images; repeatable.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help=".npz, .csv, or a folder for PNG.")
@click.option("--overlay", is_flag=True, help="Also pictures of the masks over their images, in OUTPUT/overlay.")
@click.option("--probabilities", is_flag=True, help="Also each class's probability, in OUTPUT/probabilities (.npy).")
@device_option
def predict(
    folder: Path, paths: tuple[Path, ...], output: Path, overlay: bool, probabilities: bool, device: str
) -> None:
    """Write a mask of each image, in the image's own size, with the model in DIR."""
    from search.backend import import_trainer, prepare_backend
    from trainer.data.layout.discover import find_images
    from trainer.data.memory import within_memory
    from trainer.result.folder import read_config
    from trainer.result.images import check_channels, check_images, settle
    from trainer.result.output import name_outputs, table_suffix
    from trainer.result.tables import sort_items

    # What can be checked without Keras is checked first, since its import takes ten seconds.
    suffix = table_suffix(output)
    if suffix and (overlay or probabilities):
        raise InputError(f"--overlay and --probabilities need a folder after -o; got {output}")
    data = settle(read_config(folder).data)
    with within_memory():
        items = sort_items(find_images(paths))
        outputs = [name_outputs(item.name, overlay, probabilities) for item in items]
        headers = check_images(items, data)
        write = _prepare_table(output, suffix, items, headers, data) if suffix else None
        files = [] if suffix else _prepare_folder(output, items, outputs, data)
        prepare_backend(device, deterministic=False)
        backend, _, result = import_trainer()
        if device == "gpu":
            backend.require_gpu()
        model, _ = result.load_result(folder)
        from trainer.result.apply import input_channels

        check_channels(items, headers, input_channels(model))
        place = output.parent if write else output
        with remove_unused_folders(place):
            check_writable(place, REMEDY)
            try:
                if write:
                    write(_predict(model, items, data))
                else:
                    _write_folder(model, items, outputs, data, output, files)
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
    model: Any,
    items: "Sequence[Item]",
    outputs: "Sequence[Outputs]",
    data: "DataConfig",
    folder: Path,
    files: Sequence[str],
) -> None:
    """Writes the files of each image as soon as they are predicted."""
    from trainer.figures.overlay import write_overlay
    from trainer.result.images import view_image
    from trainer.result.masks import write_png
    from trainer.result.output import write_manifest

    classes = int(model.outputs[0].shape[-1])
    write_manifest(folder, files)
    for item, names, mask in zip(items, outputs, _predict(model, items, data, folder, outputs), strict=True):
        write_png(mask, data, _make_parent(folder / names.mask))
        if names.overlay is not None:
            path = _make_parent(folder / names.overlay)
            write_overlay(view_image(item, data), mask, classes, data.ignored_label, path)


def _predict(
    model: Any, items: "Sequence[Item]", data: "DataConfig", folder: Path = Path(), outputs: "Sequence[Outputs]" = ()
) -> "Iterator[Pixels]":
    """The masks of all images, in their order; probabilities are written on the way where they have a file."""
    from trainer.result.apply import predict_items, write_probabilities

    with CopyProgress() as progress:
        told = partial(progress.update, "images predicted", total=len(items))
        if any(names.probabilities for names in outputs):
            for done, (item, names) in enumerate(zip(items, outputs, strict=True), 1):
                assert names.probabilities is not None
                yield write_probabilities(model, item, data, _make_parent(folder / names.probabilities))
                told(done)
        else:
            for done, mask in enumerate(predict_items(model, items, data), 1):
                yield mask
                told(done)


def _make_parent(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
