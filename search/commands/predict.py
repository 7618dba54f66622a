"""`unet-search predict` and `evaluate`: apply a trained model to images, and score it."""

import json
from pathlib import Path

import click

from search.commands.options import json_option
from search.terminal.plain import say
from storage.folders import check_writable, remove_unused_folders


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--data", type=click.Path(path_type=Path), required=True, help="An npz file with test images, or a folder."
)
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help=".npz, .csv, or a folder for PNG.")
def predict(folder: Path, data: Path, output: Path) -> None:
    """Write the masks of test images with the model in DIR."""
    from search.backend import import_trainer, prepare_backend
    from trainer.data.read import read_images
    from trainer.result.folder import read_config
    from trainer.result.masks import check_suffix, write_masks

    # What can be checked without Keras is checked first, since its import takes ten seconds.
    check_suffix(output)
    images, names = read_images(str(data), read_config(folder).data.resize)
    prepare_backend("auto", deterministic=False)
    import_trainer()
    from trainer.model.predict import check_images, predict_masks
    from trainer.result.save import load_result

    model, _ = load_result(folder)
    check_images(model, images)
    with remove_unused_folders(output.parent):
        check_writable(output.parent, "choose another place with -o")
        masks = predict_masks(model, images)
        write_masks(masks, names, output)
    say(f"{len(masks)} masks of {masks.shape[1]}x{masks.shape[2]} in {output}")


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--data", type=click.Path(path_type=Path), required=True, help="An npz file or a folder with masks.")
@json_option
def evaluate(folder: Path, data: Path, as_json: bool) -> None:
    """Score the model in DIR on labelled data: every image of it, after cleaning."""
    from search.backend import import_trainer, prepare_backend
    from trainer.configfile import override
    from trainer.data.dataset import open_dataset
    from trainer.result.folder import read_config

    changes = {"data.path": str(data), "data.validation": 0.15, "data.limit": None}
    dataset = open_dataset(override(read_config(folder), changes).data)
    prepare_backend("auto", deterministic=False)
    import_trainer()
    from trainer.model.predict import check_images, predict_masks
    from trainer.result.save import load_result
    from trainer.training.metrics import count_confusion, score

    model, _ = load_result(folder)
    check_images(model, dataset.images)
    predicted = predict_masks(model, dataset.images)
    scores = score(count_confusion(dataset.masks, predicted, dataset.classes, dataset.ignore), dataset.ignore)
    figures = {"miou": scores.miou, "miou_keras": scores.miou_keras, "iou": list(scores.iou), "images": len(predicted)}
    if as_json:
        click.echo(json.dumps(figures))
        return
    classes = ", ".join(f"{n} {v:.4f}" for n, v in zip(dataset.names, scores.iou, strict=True) if v is not None)
    say(f"mIoU {scores.miou:.4f} (as Keras counts: {scores.miou_keras:.4f}) on {len(predicted)} images: {classes}")
