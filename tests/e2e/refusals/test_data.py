"""Data sets that are invalid, given to every command that reads them."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from tests.e2e.command import run_command, run_forked
from tests.e2e.conftest import Search
from tests.e2e.input_folder import make_arrays
from tests.e2e.refusal import assert_refused

READERS = (
    "data check {}",
    "data clean {} -o clean.npz",
    "init search.toml --data {}",
    "run search.toml --data {}",
    "train default --data {} -o out",
    "retrain best.toml --data {} -o out",
    "evaluate model --data {}",
)
PREDICT = "predict model --data {} -o masks.npz"  # reads the test images


def give(path: str, commands: Iterable[str] = READERS) -> list[str]:
    """The commands with a path for their data."""
    return [command.format(path) for command in commands]


def test_no_such_file(input_folder: Path) -> None:
    words = r"data must be an npz file or a folder; got \S*none\.npz"
    assert_refused(give("none.npz", READERS), words, input_folder, run=run_command)
    assert_refused(give("none.npz", [PREDICT]), words, input_folder)


def test_data_that_have_moved(input_folder: Path, search: Search) -> None:
    """Since the study was made; it goes on with those of the new place."""
    environ = {"DATABASE_URL": search.db.url}
    run_forked(f"init search.toml --dir {search.folder / 'elsewhere'}", input_folder, **environ).output()
    (input_folder / "good.npz").rename(input_folder / "moved.npz")
    words = r"got \S*/good\.npz, which is neither; correct the path, or name the place they have moved to with --data"
    assert_refused("worker", words, input_folder, **environ)
    assert "waits" in run_forked("enqueue basic_unet", input_folder, **environ).output()  # which reads no data


def test_not_an_npz(input_folder: Path) -> None:
    (input_folder / "bad.npz").write_text("id,label\n0,1\n")
    assert_refused(give("bad.npz", (*READERS, PREDICT)), r"must be a whole npz file; got \S*bad\.npz", input_folder)


def test_a_truncated_npz(input_folder: Path) -> None:
    whole = (input_folder / "good.npz").read_bytes()
    (input_folder / "bad.npz").write_bytes(whole[: len(whole) // 2])
    assert_refused(give("bad.npz", (*READERS, PREDICT)), r"must be a whole npz file; got \S*bad\.npz", input_folder)


def test_an_npz_with_pickled_objects(input_folder: Path) -> None:
    objects = np.array([{"code": print}], dtype=object)
    np.savez(input_folder / "bad.npz", training_set=objects, test_set=objects)
    words = r"got dtype object; pickled objects are not read"
    assert_refused(give("bad.npz", (*READERS, PREDICT)), words, input_folder)


def test_a_missing_key(input_folder: Path) -> None:
    np.savez(input_folder / "bad.npz", images=make_arrays()["test_set"])
    assert_refused(give("bad.npz"), r"must have the key training_set, or images and masks; got images in", input_folder)
    np.savez(input_folder / "bad.npz", masks=make_arrays()["test_set"])
    words = r"under the key test_set or test_images; got masks in"
    assert_refused(give("bad.npz", [PREDICT]), words, input_folder)


def test_masks_with_label_7(input_folder: Path) -> None:
    arrays = make_arrays()
    arrays["training_set"][3, 1, 0, 0] = 7
    np.savez(input_folder / "bad.npz", **arrays)
    words = "must have (labels 0 to 4|listed values).*; got 7 in 1"
    assert_refused(give("bad.npz"), words, input_folder)


def test_images_and_masks_of_different_size(input_folder: Path) -> None:
    for name, size in (("images", (16, 16)), ("masks", (16, 8))):
        (input_folder / "bad" / name).mkdir(parents=True)
        Image.new("L", size, 1).save(input_folder / "bad" / name / "0.png")
    assert_refused(give("bad"), r"0\.png 16x16 and \S*0\.png 8x16", input_folder)
    np.savez(input_folder / "bad.npz", images=np.ones((2, 16, 16)), masks=np.ones((2, 16, 8)))
    words = r"mask of its size; got images \(2, 16, 16\) and masks \(2, 16, 8\)"
    assert_refused(give("bad.npz"), words, input_folder)


def test_nan_pixels(input_folder: Path) -> None:
    arrays = make_arrays(dtype=np.float32)
    arrays["training_set"][1, 0, 2, 2] = arrays["test_set"][0, 2, 2] = np.nan
    np.savez(input_folder / "bad.npz", **arrays)
    words = "an image must have finite pixels; got nan in image [01] of"
    assert_refused(give("bad.npz", (*READERS, PREDICT)), words, input_folder)


def test_an_empty_folder(input_folder: Path) -> None:
    (input_folder / "bad").mkdir()
    assert_refused(give("bad"), r"must have images/ and masks/.*; got no files in \S*bad", input_folder)
    assert_refused(give("bad", [PREDICT]), r"must hold .png or .jpg or .* files; got none in \S*bad", input_folder)
