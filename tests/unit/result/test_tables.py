"""Predicted masks in one file."""

import csv
from pathlib import Path

import numpy as np
import pytest

from trainer.config import DataConfig
from trainer.data.item import Header, Item, Picture, Row
from trainer.errors import InputError
from trainer.result.output import check_table
from trainer.result.tables import common_size, sort_items, write_csv, write_npz

MASKS = np.array([[[0, 1, 2], [2, 1, 0]], [[1, 1, 1], [0, 0, 2]]], np.uint8)
SIZE = (2, 3)
PLAIN = DataConfig(classes=3, ignore=None)
BINARY = DataConfig(classes=3, ignore=None, labels={"0": 0, "128": 1, "255": 2})
COLOURS = DataConfig(classes=3, ignore=None, labels={"#000000": 0, "#d22828": 1, "#2846d2": 2}, mask_format="colour")


def pictures(*names: str) -> list[Item]:
    return [Item(name, Picture(Path(f"{name}.png")), None, "test") for name in names]


def rows(count: int) -> list[Item]:
    images = np.zeros((count, *SIZE, 1), np.uint8)
    return [Item(str(index), Row(Path("d.npz"), index, images), None, "test") for index in range(count)]


def read_csv(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


@pytest.mark.parametrize(("config", "values"), [(PLAIN, [0, 1, 2]), (BINARY, [0, 128, 255])])
def test_an_npz_has_masks_and_names(tmp_path: Path, config: DataConfig, values: list[int]) -> None:
    write_npz(tmp_path / "m.npz", pictures("a.v1", "b"), SIZE, iter(MASKS), config)
    with np.load(tmp_path / "m.npz", allow_pickle=False) as file:
        assert file["masks"].dtype == np.uint8
        np.testing.assert_array_equal(file["masks"], np.array(values)[MASKS])
        assert file["names"].tolist() == ["a.v1", "b"]
    check_table(tmp_path / "m.npz")


def test_an_npz_of_colours(tmp_path: Path) -> None:
    write_npz(tmp_path / "m.npz", pictures("a", "b"), SIZE, iter(MASKS), COLOURS)
    with np.load(tmp_path / "m.npz", allow_pickle=False) as file:
        assert file["masks"].shape == (2, *SIZE, 3)
        assert file["masks"][0, 0, 1].tolist() == [0xD2, 0x28, 0x28]


def test_the_courses_csv(tmp_path: Path) -> None:
    write_csv(tmp_path / "m.csv", rows(2), SIZE, iter(MASKS), PLAIN)
    header, *lines = read_csv(tmp_path / "m.csv")
    assert header == ["id", *map(str, range(6))]
    assert [line[0] for line in lines] == ["0", "1"]
    assert [int(label) for line in lines for label in line[1:]] == MASKS.ravel().tolist()
    check_table(tmp_path / "m.csv")


def test_a_csv_of_pictures_has_their_names_and_values(tmp_path: Path) -> None:
    write_csv(tmp_path / "m.csv", pictures("a,b", "c\udcff"), SIZE, iter(MASKS), COLOURS)
    with (tmp_path / "m.csv").open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        header, first, second = csv.reader(file)
    assert header[:2] == ["name", "0"]
    assert first == ["a,b", "#000000", "#d22828", "#2846d2", "#2846d2", "#d22828", "#000000"]
    assert second[0] == "c\udcff"
    check_table(tmp_path / "m.csv")


def test_a_prediction_that_fails_leaves_no_file(tmp_path: Path) -> None:
    def fail() -> None:
        raise InputError("damaged")

    for write in (write_npz, write_csv):
        with pytest.raises(InputError, match="damaged"):
            write(tmp_path / "m", pictures("a", "b"), SIZE, (fail() or mask for mask in MASKS), PLAIN)
    assert not list(tmp_path.iterdir())


def test_images_are_sorted_by_the_numbers_in_their_names() -> None:
    names = ["10", "2", "b/10", "b/9", "1", "a2", "a"]
    assert [item.name for item in sort_items(pictures(*names))] == ["a", "a2", "b/9", "b/10", "1", "2", "10"]


def test_images_of_two_sizes_are_refused_for_one_file() -> None:
    headers = [Header(60, 75, 1, "uint8"), Header(64, 64, 1, "uint8")]
    words = r"must have one size; got a\.png 60x75 and b\.png 64x64 for m\.npz; name a folder"
    with pytest.raises(InputError, match=words):
        common_size(pictures("a", "b"), headers, Path("m.npz"))
    assert common_size(pictures("a"), headers[:1], Path("m.npz")) == (60, 75)
