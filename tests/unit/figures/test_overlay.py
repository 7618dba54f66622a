"""Masks over their images."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trainer.figures import overlay
from trainer.figures.overlay import draw_overlay, write_overlay
from trainer.figures.palette import class_colours

GREY = np.full((12, 10, 3), 100, np.uint8)
MASK = np.zeros((12, 10), np.uint8)
MASK[3:9, 2:8] = 1
COLOUR = class_colours(3, None)


def test_regions_are_blended_and_boundaries_are_not() -> None:
    drawn = draw_overlay(GREY, MASK, 3, None)
    np.testing.assert_array_equal(drawn[3, 2], COLOUR[1])
    np.testing.assert_array_equal(drawn[2, 4], COLOUR[0])
    inside, low, high = drawn[5, 5].astype(int), np.minimum(COLOUR[1], 100), np.maximum(COLOUR[1], 100)
    assert ((low <= inside) & (inside <= high)).all()
    assert (inside != COLOUR[1]).any() and (inside != 100).any()


@pytest.mark.parametrize("ignore", [0, 255])
def test_pixels_of_the_ignored_label_are_the_image(ignore: int) -> None:
    drawn = draw_overlay(GREY, np.where(MASK == 0, ignore, MASK).astype(np.uint8), 3, ignore)
    np.testing.assert_array_equal(drawn[MASK == 0], GREY[MASK == 0])
    assert (drawn[MASK == 1] != 100).any()


def test_bands_leave_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    mask = np.random.default_rng(0).integers(0, 3, (12, 10), np.uint8).repeat(2, 0)[:12]
    whole = draw_overlay(GREY, mask, 3, 0)
    monkeypatch.setattr(overlay, "_BAND_ROWS", 5)
    np.testing.assert_array_equal(draw_overlay(GREY, mask, 3, 0), whole)


def test_the_image_is_not_changed(tmp_path: Path) -> None:
    write_overlay(GREY, MASK, 3, None, tmp_path / "o.png")
    assert (GREY == 100).all()
    with Image.open(tmp_path / "o.png") as picture:
        np.testing.assert_array_equal(np.asarray(picture), draw_overlay(GREY, MASK, 3, None))
