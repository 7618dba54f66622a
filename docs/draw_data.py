"""Draws the pictures of docs/data.md: masks as authors store them beside what is read, and an overlay.

python docs/draw_data.py
"""

import tempfile
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from trainer.config import DataConfig
from trainer.data.pixels import Pixels
from trainer.data.prepare import Prepared, prepare_data
from trainer.figures.overlay import draw_overlay
from trainer.figures.palette import paint

FOLDER = Path(__file__).resolve().parent
COLOURS = np.array([[0, 0, 0], [210, 40, 40], [40, 70, 210]], np.uint8)
SIDE = 96  # pixels
COUNT = 8  # images of a set


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        sets = {name: write_set(Path(folder) / name, kind) for name, kind in KINDS.items()}
        draw_kinds({name: prepare_data(DataConfig(path=str(path))) for name, path in sets.items()}, sets)
        draw_example(prepare_data(DataConfig(path=str(sets["colours"]))))


def draw_scene(seed: int) -> tuple[Pixels, Pixels]:
    """An RGB picture of two kinds of discs on a textured ground, and its labels 0 to 2."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    mask = np.zeros((SIDE, SIDE), np.uint8)
    for label in (1, 2, 1, 2):
        row, column, radius = random.integers(12, SIDE - 12), random.integers(12, SIDE - 12), random.integers(6, 17)
        mask[(rows - row) ** 2 + (columns - column) ** 2 < radius**2] = label
    tones = np.array([[96, 120, 84], [176, 132, 96], [120, 132, 176]])
    return np.clip(tones[mask] + random.normal(0, 14, (SIDE, SIDE, 1)), 0, 255).astype(np.uint8), mask


def with_rim(mask: Pixels) -> Pixels:
    """255 where a disc ends, as annotators leave it open there."""
    inner = mask[1:-1, 1:-1]
    edge = np.zeros(mask.shape, bool)
    edge[1:-1, 1:-1] = (inner != mask[:-2, 1:-1]) | (inner != mask[1:-1, :-2])
    return np.where(edge, 255, mask).astype(np.uint8)


KINDS = {
    "0 and 255": lambda mask: (mask > 0).astype(np.uint8) * 255,
    "colours": lambda mask: COLOURS[mask],
    "classes, 255 not scored": with_rim,
}


def write_set(folder: Path, kind: object) -> Path:
    assert callable(kind)
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True)
    for number in range(COUNT):
        image, mask = draw_scene(number)
        Image.fromarray(image).save(folder / "images" / f"{number}.png")
        Image.fromarray(kind(mask)).save(folder / "masks" / f"{number}.png")
    return folder


def draw_kinds(found: dict[str, Prepared], sets: dict[str, Path]) -> None:
    """For each kind: the image, the mask as stored, the mask as read."""
    figure = Figure((7.2, 2.5 * len(found)), layout="constrained")
    for axes, (name, prepared) in zip(figure.subplots(len(found), 3), found.items(), strict=True):
        data = prepared.dataset
        with Image.open(sets[name] / "masks" / "0.png") as picture:
            stored = np.asarray(picture)
        read = paint(np.asarray(data.masks[0]), data.classes, data.ignore)
        classes = ", ".join(data.names)
        show(axes[0], np.asarray(data.images[0]), "image")
        show(axes[1], stored, f"mask: {name}")
        show(axes[2], read, f"read as: {classes}")
    figure.savefig(FOLDER / "data-kinds.png", dpi=90)


def draw_example(prepared: Prepared) -> None:
    data = prepared.dataset
    image, mask = np.asarray(data.images[1]), np.asarray(data.masks[1])
    figure = Figure((7.2, 2.6), layout="constrained")
    axes = figure.subplots(1, 3)
    show(axes[0], image, "image")
    show(axes[1], paint(mask, data.classes, data.ignore), "mask")
    show(axes[2], draw_overlay(image, mask, data.classes, data.ignore), "--overlay")
    figure.savefig(FOLDER / "data-overlay.png", dpi=90)


def show(axes: Axes, picture: NDArray[np.uint8], title: str) -> None:
    axes.imshow(picture, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axes.set_title(title, fontsize=8)
    axes.set(xticks=[], yticks=[])


if __name__ == "__main__":
    main()
