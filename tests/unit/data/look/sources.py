"""Small data sets for looking at, of arrays and of files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trainer.data.item import Item, Picture, Row, Side, Source

PATH = Path("data.npz")


def of_arrays(
    masks: Sequence[NDArray[Any]], images: Sequence[NDArray[Any]] | None = None, is_course: bool = False
) -> Source:
    """A data set of masks (H, W) or (H, W, 3), each with its image (H, W, C), black and grey if none are given."""
    if images is None:
        images = [np.zeros((*mask.shape[:2], 1), np.uint8) for mask in masks]
    items = [
        Item(str(index), Row(PATH, index, _at(image, index)), Row(PATH, index, _at(mask, index)), "train")
        for index, (image, mask) in enumerate(zip(images, masks, strict=True))
    ]
    return Source(PATH, tuple(items), "arrays images and masks", is_course=is_course)


def _at(array: NDArray[Any], index: int) -> NDArray[Any]:
    """An array of which the entry `index` is the given one; the others are the same memory."""
    return np.broadcast_to(array, (index + 1, *array.shape))


def with_tests(source: Source, *images: NDArray[Any]) -> Source:
    """The data set with test images (H, W, C)."""
    tests = [Item(f"test {i}", Row(PATH, i, _at(image, i)), None, "test") for i, image in enumerate(images)]
    return Source(source.path, (*source.items, *tests), source.layout, source.unread, source.is_course)


def of_files(folder: Path, masks: dict[str, Image.Image], sides: dict[str, Side] | None = None) -> Source:
    """A data set of files: masks by their names, each with a grey PNG as its image."""
    items = []
    for name, mask in masks.items():
        image_path, mask_path = folder / "images" / f"{Path(name).stem}.png", folder / "masks" / name
        for path in (image_path, mask_path):
            path.parent.mkdir(exist_ok=True)
        Image.new("L", mask.size, 9).save(image_path)
        mask.save(mask_path)
        items.append(Item(Path(name).stem, Picture(image_path), Picture(mask_path), (sides or {}).get(name, "train")))
    return Source(folder, tuple(items), "images/ and masks/")


def grid(*values: int, side: int = 16, dtype: Any = np.uint8) -> NDArray[Any]:
    """A square mask of equal stripes, each at least two pixels wide if they are up to half the side."""
    columns = np.array(values)[np.arange(side) * len(values) // side]
    return np.repeat(columns[None], side, axis=0).astype(dtype)


def palette_picture(indices: NDArray[Any], colours: Sequence[int]) -> Image.Image:
    """A palette picture of indices, with colours 0xrrggbb."""
    picture = Image.fromarray(indices.astype(np.uint8)).convert("P")
    picture.frombytes(np.ascontiguousarray(indices, np.uint8).tobytes())
    picture.putpalette([part for colour in colours for part in (colour >> 16, colour >> 8 & 255, colour & 255)])
    return picture


def colour_picture(colours: NDArray[Any]) -> Image.Image:
    """An RGB picture of colours 0xrrggbb."""
    return Image.fromarray(colours_of(colours))


def colours_of(colours: NDArray[Any]) -> NDArray[np.uint8]:
    """Colours 0xrrggbb (H, W) as (H, W, 3)."""
    return np.stack([colours >> 16, colours >> 8 & 255, colours & 255], axis=-1).astype(np.uint8)
