"""By what masks are read: grey values, colours or indices of a palette."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.unit.data.look.sources import colour_picture, colours_of, grid, of_arrays, of_files, palette_picture
from trainer.config import DataConfig
from trainer.data.disk.read import read_mask
from trainer.data.item import Source
from trainer.data.labels import decode_mask
from trainer.data.look.look import look
from trainer.errors import InputError

BLACK, RED, GREEN, WHITE = 0x000000, 0xFF0000, 0x00FF00, 0xFFFFFF


def grey(*values: int) -> Image.Image:
    return Image.fromarray(grid(*values))


def colour(*values: int) -> Image.Image:
    return colour_picture(grid(*values, dtype=np.int32))


def read(source: Source, **data: Any) -> tuple[DataConfig, list[list[int]]]:
    """The configuration found, and the classes in the first row of each mask."""
    config = look(source, DataConfig(**data)).config
    masks = [item.mask for item in source.items if item.mask is not None]
    return config, [decode_mask(read_mask(mask), config, mask)[0, ::4].tolist() for mask in masks]


def refusal(source: Source, **data: Any) -> str:
    with pytest.raises(InputError) as caught:
        look(source, DataConfig(**data))
    return str(caught.value)


def test_one_palette_gives_indices_and_their_colours(tmp_path: Path) -> None:
    masks = {f"{i}.png": palette_picture(grid(0, *used), [BLACK, RED, GREEN]) for i, used in enumerate([(1,), (2,)])}
    config, rows = read(of_files(tmp_path, masks))
    assert (config.mask_format, config.classes, config.labels) == ("palette", 3, {})
    assert config.colours == ("#000000", "#ff0000", "#00ff00")
    assert rows == [[0, 0, 1, 1], [0, 0, 2, 2]]


def test_a_shorter_palette_is_the_same_one(tmp_path: Path) -> None:
    masks = {
        "a.png": palette_picture(grid(0, 1), [BLACK, RED]),
        "b.png": palette_picture(grid(0, 2), [BLACK, RED, GREEN]),
    }
    config, rows = read(of_files(tmp_path, masks))
    assert config.mask_format == "palette" and rows == [[0, 0, 1, 1], [0, 0, 2, 2]]


def test_palettes_that_differ_are_read_by_colour(tmp_path: Path) -> None:
    masks = {
        "a.png": palette_picture(grid(0, 1, 2, 2), [BLACK, RED, GREEN]),
        "b.png": palette_picture(grid(2, 0, 1, 1), [RED, GREEN, BLACK]),
    }
    config, rows = read(of_files(tmp_path, masks))
    assert (config.mask_format, config.labels) == ("colour", {"#000000": 0, "#00ff00": 1, "#ff0000": 2})
    assert config.names == config.colours == ("#000000", "#00ff00", "#ff0000")
    assert rows == [[0, 2, 1, 1], [0, 2, 1, 1]]


def test_indices_are_read_where_the_configuration_says_so(tmp_path: Path) -> None:
    masks = {
        "a.png": palette_picture(grid(0, 1), [BLACK, RED]),
        "b.png": palette_picture(grid(0, 1), [RED, BLACK]),
    }
    config, rows = read(of_files(tmp_path, masks), mask_format="palette")
    assert (config.mask_format, config.labels, rows) == ("palette", {}, [[0, 0, 1, 1]] * 2)


def test_palettes_beside_colour_pictures_are_read_by_colour(tmp_path: Path) -> None:
    masks = {"a.png": palette_picture(grid(0, 1), [BLACK, RED]), "b.png": colour(BLACK, GREEN)}
    config, rows = read(of_files(tmp_path, masks))
    assert config.mask_format == "colour" and rows == [[0, 0, 2, 2], [0, 0, 1, 1]]


def test_grey_palettes_beside_grey_masks_are_grey(tmp_path: Path) -> None:
    ramp = [value * 0x010101 for value in range(256)]
    masks = {
        "a.gif": palette_picture(grid(0, 1), [BLACK, WHITE]),
        "b.png": grey(0, 255),
        "c.png": palette_picture(grid(0, 255), ramp),
    }
    config, rows = read(of_files(tmp_path, masks))
    assert (config.mask_format, config.labels) == ("grey", {"0": 0, "255": 1})
    assert rows == [[0, 0, 1, 1]] * 3 and config.colours == ()


def test_grey_palettes_that_differ_are_grey(tmp_path: Path) -> None:
    masks = {
        "a.png": palette_picture(grid(0, 1), [BLACK, WHITE]),
        "b.png": palette_picture(grid(1, 0), [WHITE, BLACK]),
    }
    config, rows = read(of_files(tmp_path, masks))
    assert config.mask_format == "grey" and rows == [[0, 0, 1, 1]] * 2


def test_coloured_palettes_beside_grey_masks_are_refused(tmp_path: Path) -> None:
    text = refusal(of_files(tmp_path, {"a.png": palette_picture(grid(0, 1), [BLACK, RED]), "b.png": grey(0, 1)}))
    assert "a.png with colours in a palette" in text and "b.png with grey values" in text
    assert 'set data.mask_format to "palette"' in text


def test_grey_masks_of_the_indices_of_others_are_refused(tmp_path: Path) -> None:
    text = refusal(of_files(tmp_path, {"a.png": palette_picture(grid(0, 1), [BLACK, WHITE]), "b.png": grey(0, 1)}))
    assert "masks must have one kind of values" in text and "a.png" in text and "b.png" in text


def test_colour_pictures_of_grey_are_grey(tmp_path: Path) -> None:
    config, rows = read(of_files(tmp_path, {"a.png": colour(0, 0x010101), "b.png": grey(0, 1)}))
    assert (config.mask_format, config.labels, rows) == ("grey", {}, [[0, 0, 1, 1]] * 2)


def test_a_grey_picture_among_coloured_ones_is_read_by_colour(tmp_path: Path) -> None:
    config, rows = read(of_files(tmp_path, {"a.png": colour(BLACK, BLACK), "b.png": colour(BLACK, RED, WHITE, RED)}))
    assert config.labels == {"#000000": 0, "#ff0000": 1, "#ffffff": 2} and rows == [[0] * 4, [0, 1, 2, 1]]


def test_black_grey_masks_beside_colours_are_black(tmp_path: Path) -> None:
    config, rows = read(of_files(tmp_path, {"a.png": grey(0), "b.png": colour(BLACK, RED)}))
    assert config.mask_format == "colour" and rows == [[0] * 4, [0, 0, 1, 1]]
    text = refusal(of_files(tmp_path, {"a.png": grey(0, 1), "b.png": colour(BLACK, RED)}))
    assert "a.png with grey values and" in text and "b.png with colours;" in text


def test_labels_of_colours_are_read_by_colour(tmp_path: Path) -> None:
    source = of_files(tmp_path, {"a.png": palette_picture(grid(0, 1), [BLACK, RED]), "b.png": colour(BLACK, RED)})
    config, rows = read(source, labels={"#000000": 1, "#ff0000": 0})
    assert (config.mask_format, rows) == ("colour", [[1, 1, 0, 0]] * 2)


def test_labels_must_suit_the_masks(tmp_path: Path) -> None:
    labels = {"0": 0, "1": 1}
    assert "data.labels must list the colours" in refusal(
        of_files(tmp_path, {"a.png": colour(BLACK, RED)}), labels=labels
    )
    one = of_files(tmp_path, {"a.png": palette_picture(grid(0, 1), [BLACK, RED])})
    assert "must list the colours" in refusal(one, labels=labels, mask_format="colour")
    assert "must list palette indices" in refusal(one, labels={"#ff0000": 1}, mask_format="palette")
    assert read(one, labels={"0": 1, "1": 0})[0].colours == ("#ff0000", "#000000")


def test_colours_are_no_indices(tmp_path: Path) -> None:
    source = of_files(tmp_path, {"a.png": colour(BLACK, RED)})
    assert "data.mask_format is palette; got colours in" in refusal(source, mask_format="palette")


def test_grey_masks_may_be_read_as_colours() -> None:
    config, _ = read(of_arrays([grid(0, 255)]), mask_format="colour")
    assert config.labels == {"#000000": 0, "#ffffff": 1}


def test_grey_masks_of_more_values_are_no_colours() -> None:
    source = of_arrays([grid(0, 255), grid(0, 256, dtype=np.uint16)])
    assert "got 256 in image 1 of data.npz" in refusal(source, mask_format="colour")
    assert "got 256 in image 1 of data.npz" in refusal(source, labels={"#000000": 0, "#ffffff": 1})


def test_given_colours_stay_and_must_be_one_a_class() -> None:
    source = of_arrays([grid(0, 1)])
    assert look(source, DataConfig(colours=("#111111", "#222222"))).config.colours == ("#111111", "#222222")
    assert "got 1 for 2 classes" in refusal(source, colours=("#111111",))


def test_arrays_may_hold_colours() -> None:
    config, rows = read(of_arrays([colours_of(grid(BLACK, RED, dtype=np.int32))]))
    assert config.names == ("#000000", "#ff0000") and rows == [[0, 0, 1, 1]]
