"""`unet-search export-model`: writes a trained network for other programs."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from search.terminal.plain import say
from storage.folders import check_writable, remove_unused_folders


@click.command("export-model")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "name",
    type=click.Choice(["onnx", "tflite", "savedmodel"]),
    required=True,
    help="ONNX, TensorFlow Lite (now LiteRT), or TensorFlow's SavedModel.",
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="The file or folder.  [default: DIR/model.onnx, ...]"
)
def export_model(folder: Path, name: str, output: Path | None) -> None:
    """Write the model in DIR for other programs, after a check that it gives the same masks there."""
    from search.backend import import_trainer, prepare_backend
    from trainer.result.examples import pick_images
    from trainer.result.folder import read_config
    from trainer.result.formats import FORMATS, check_format, description_path

    config = read_config(folder)
    out = output or folder / FORMATS[name].file
    check_format(name, out)
    prepare_backend("cpu", deterministic=False)
    import_trainer()
    from trainer.result.export import export_network
    from trainer.result.save import load_result

    model, _ = load_result(folder)
    images, origin = pick_images(config.data, tuple(model.inputs[0].shape[1:]))
    with remove_unused_folders(out.parent):
        check_writable(out.parent, "choose another place with -o")
        with _quiet():
            found = export_network(model, config.data, name, out, images, origin)
    say(
        f"{out} gives the masks of model.keras on {found.images} {origin} (logits differ by at most "
        f"{found.largest:.1g}); {description_path(out).name} tells how it is used"
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Discards standard error, on which the converters' libraries report; their errors are exceptions all the same."""
    stderr = os.dup(2)
    with open(os.devnull, "wb") as devnull:
        os.dup2(devnull.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
