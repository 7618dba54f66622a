"""Data sets that cannot be, given to every command that reads them."""

from pathlib import Path

import numpy as np
from PIL import Image

from tests.e2e.command import refuse
from tests.e2e.good_input import arrays, on

DATA = (
    "data check {}",
    "retrain best.toml --data {} -o out",
    "run search.toml --data {}",
    "evaluate model --data {}",
)
TEST_DATA = "predict model --data {} -o masks.npz"
MORE = (
    "data clean {} -o clean.npz",
    "train default --data {} -o out",
    "init search.toml --data {}",
)  # read as those do


def test_no_such_file(place: Path) -> None:
    refuse(
        on("none.npz", *DATA, *MORE, TEST_DATA),
        r"data must be an npz file or a folder; got \S*none\.npz",
        place,
        at_once=2,
    )


def test_not_an_npz(place: Path) -> None:
    (place / "bad.npz").write_text("id,label\n0,1\n")
    refuse(on("bad.npz", *DATA, TEST_DATA), r"must be a whole npz file; got \S*bad\.npz", place, at_once=2)


def test_a_truncated_npz(place: Path) -> None:
    whole = (place / "good.npz").read_bytes()
    (place / "bad.npz").write_bytes(whole[: len(whole) // 2])
    refuse(on("bad.npz", *DATA, TEST_DATA), r"must be a whole npz file; got \S*bad\.npz", place, at_once=2)


def test_an_npz_with_pickled_objects(place: Path) -> None:
    objects = np.array([{"code": print}], dtype=object)
    np.savez(place / "bad.npz", training_set=objects, test_set=objects)
    refuse(on("bad.npz", *DATA, TEST_DATA), r"got dtype object; pickled objects are not read", place, at_once=2)


def test_a_missing_key(place: Path) -> None:
    np.savez(place / "bad.npz", images=arrays()["test_set"])
    refuse(
        on("bad.npz", *DATA), r"must have the key training_set, or images and masks; got images in", place, at_once=2
    )
    refuse(on("bad.npz", TEST_DATA), r"under the key test_set or test_images; got images in", place, at_once=2)


def test_masks_with_label_7(place: Path) -> None:
    bad = arrays()
    bad["training_set"][3, 1, 0, 0] = 7
    np.savez(place / "bad.npz", **bad)
    refuse(
        on("bad.npz", *DATA), "labels must be 0 to 4; got label 7 in 1 masks, the first of image 3", place, at_once=2
    )


def test_images_and_masks_of_different_size(place: Path) -> None:
    for name, size in (("images", (16, 16)), ("masks", (16, 8))):
        (place / "bad" / name).mkdir(parents=True)
        Image.new("L", size, 1).save(place / "bad" / name / "0.png")
    refuse(on("bad", *DATA), r"0\.png 16x16 and \S*0\.png 8x16", place, at_once=2)
    np.savez(place / "bad.npz", images=np.ones((2, 16, 16)), masks=np.ones((2, 16, 8)))
    refuse(
        on("bad.npz", DATA[0]), r"mask of its size; got images \(2, 16, 16\) and masks \(2, 16, 8\)", place, at_once=2
    )


def test_nan_pixels(place: Path) -> None:
    bad = arrays(dtype=np.float32)
    bad["training_set"][1, 0, 2, 2] = bad["test_set"][1, 2, 2] = np.nan
    np.savez(place / "bad.npz", **bad)
    refuse(on("bad.npz", *DATA, TEST_DATA), "must be whole numbers from 0 to 255; got nan in image 1", place, at_once=2)


def test_an_empty_folder(place: Path) -> None:
    (place / "bad").mkdir()
    refuse(on("bad", *DATA), r"must have images/ and masks/; got no folder \S*bad/images", place, at_once=2)
    refuse(on("bad", TEST_DATA), r"must hold .png or .jpg or .jpeg files; got none in bad", place, at_once=2)


def test_images_that_do_not_halve_so_often(place: Path) -> None:
    np.savez(place / "bad.npz", **arrays((60, 100)))
    deep = " --set model.depth=5 --set model.stem=1"
    commands = [f"{line}{deep}" for line in on("bad.npz", *DATA[1:3], *MORE[1:])]
    refuse(commands, "height and width must be multiples of 32 with model.depth 5 .*; got 60x100", place)
