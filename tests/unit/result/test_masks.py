"""Predicted masks with the values, colours and palettes of the masks that were learned."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from trainer.config import DataConfig
from trainer.data.item import RawMask
from trainer.data.labels import decode_mask
from trainer.errors import InputError
from trainer.result.masks import check_png, stored_texts, stored_values, value_type, write_png

MASK = np.array([[0, 1, 2, 0], [2, 2, 1, 0]], np.uint8)
PLAIN = DataConfig(classes=3, ignore=None)


def labelled(labels: dict[str, int], **more: Any) -> DataConfig:
    return DataConfig(classes=3, ignore=None, labels=labels, **more)


@pytest.mark.parametrize(
    ("config", "values"),
    [
        (PLAIN, (0, 1, 2)),
        (labelled({"0": 0, "128": 1, "255": 2}), (0, 128, 255)),
        (labelled({"0": 0, "300": 1, "65535": 2}), (0, 300, 65535)),
        (
            labelled({"7": 0, "4": 1, "9": 2}, mask_format="palette", colours=("#000000", "#ff0000", "#0000ff")),
            (7, 4, 9),
        ),
    ],
)
def test_a_picture_has_the_values_that_were_learned(
    tmp_path: Path, config: DataConfig, values: tuple[int, ...]
) -> None:
    write_png(MASK, config, tmp_path / "m.png")
    with Image.open(tmp_path / "m.png") as picture:
        np.testing.assert_array_equal(np.asarray(picture), np.array(values)[MASK])


def test_colours_come_back_as_rgb(tmp_path: Path) -> None:
    config = labelled({"#000000": 0, "#d22828": 1, "#2846d2": 2}, mask_format="colour")
    write_png(MASK, config, tmp_path / "m.png")
    with Image.open(tmp_path / "m.png") as picture:
        assert picture.mode == "RGB"
        pixels = np.asarray(picture).astype(np.int64)
    assert pixels[0, 1].tolist() == [0xD2, 0x28, 0x28]
    raw = RawMask(pixels[..., 0] << 16 | pixels[..., 1] << 8 | pixels[..., 2], "colour")
    np.testing.assert_array_equal(decode_mask(raw, config, "m.png"), MASK)


def test_a_palette_has_the_colours_of_the_classes(tmp_path: Path) -> None:
    colours = ("#102030", "#ff0000", "#0000ff")
    config = labelled({"7": 0, "4": 1, "9": 2}, mask_format="palette", colours=colours)
    write_png(MASK, config, tmp_path / "m.png")
    with Image.open(tmp_path / "m.png") as picture:
        assert picture.mode == "P"
        painted = np.asarray(picture.convert("RGB"))
    expected = np.array([[0x10, 0x20, 0x30], [255, 0, 0], [0, 0, 255]], np.uint8)
    np.testing.assert_array_equal(painted, expected[MASK])


def test_values_above_255_take_16_bits(tmp_path: Path) -> None:
    write_png(MASK, labelled({"0": 0, "1": 1, "256": 2}), tmp_path / "m.png")
    with Image.open(tmp_path / "m.png") as picture:
        assert picture.mode.startswith("I;16")


def test_an_ignored_value_does_not_change_the_type() -> None:
    config = labelled({"-1": 255, "0": 0, "1": 1, "2": 2})
    check_png(config)
    assert stored_values(MASK, config).dtype == np.uint8


@pytest.mark.parametrize("label", ["-5", "70000"])
def test_values_that_no_png_holds_are_refused(label: str) -> None:
    config = labelled({label: 0, "1": 1, "2": 2})
    assert value_type(config) == np.int32
    with pytest.raises(InputError, match=rf"must have values from 0 to 65535; got {label}, 1, 2 in data\.labels"):
        check_png(config)


def test_values_as_text() -> None:
    assert stored_texts(labelled({"0": 0, "255": 1, "7": 2}))[:3].tolist() == ["0", "255", "7"]
    colours = labelled({"#000000": 0, "#d22828": 1, "#2846d2": 2}, mask_format="colour")
    assert stored_texts(colours)[:3].tolist() == ["#000000", "#d22828", "#2846d2"]
