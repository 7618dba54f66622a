"""Predicted masks as files."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trainer.errors import InputError
from trainer.result.masks import write_masks

MASKS = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)


def test_masks_are_written_as_npz(tmp_path: Path) -> None:
    write_masks(MASKS, ["a", "b"], tmp_path / "deep" / "m.npz")
    with np.load(tmp_path / "deep" / "m.npz") as file:
        np.testing.assert_array_equal(file["masks"], MASKS)


def test_masks_are_written_as_the_courses_csv(tmp_path: Path) -> None:
    write_masks(MASKS, ["a", "b"], tmp_path / "m.csv")
    with (tmp_path / "m.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["id", *map(str, range(12))]
    assert [row[0] for row in rows] == ["0", "1"]
    assert [int(label) for row in rows for label in row[1:]] == list(range(24))


def test_masks_are_written_as_pictures(tmp_path: Path) -> None:
    write_masks(MASKS, ["a.jpg", "b.jpg"], tmp_path / "m")
    assert sorted(path.name for path in (tmp_path / "m").iterdir()) == ["a.png", "b.png"]
    for name, mask in zip("ab", MASKS, strict=True):
        with Image.open(tmp_path / "m" / f"{name}.png") as picture:
            np.testing.assert_array_equal(np.asarray(picture), mask)


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\.npz, \.csv or a folder; got \.txt"):
        write_masks(MASKS, ["a", "b"], tmp_path / "m.txt")
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="masks must be writable"):
        write_masks(MASKS, ["a", "b"], tmp_path / "file" / "m.npz")
