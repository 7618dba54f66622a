"""The commands `predict` and `evaluate`: what they refuse at once, and what a killed one leaves."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.e2e.command import run_command, run_forked, start_command
from tests.e2e.conftest import wait_until
from tests.e2e.input_folder import CONFIG, make_arrays
from tests.e2e.refusal import assert_refused

LABELLED = CONFIG.replace("data = {", "data = { classes = 5, ignore = 0,")


@pytest.fixture
def folder(input_folder: Path) -> Path:
    """`images/` with two pictures, and `model/`, whose model.keras is none: what needs it is refused for that."""
    (input_folder / "model" / "config.toml").write_text(LABELLED)
    (input_folder / "images").mkdir()
    for name, size in (("a.v1", (20, 16)), ("b", (16, 16))):
        Image.new("L", size, 9).save(input_folder / "images" / f"{name}.png")
    return input_folder


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("-o masks.png", r"\.npz, \.csv or a folder; got \.png"),
        ("-o masks.npz", r"must have one size; got \S*a\.v1\.png 16x20 and \S*b\.png 16x16"),
        ("-o masks.csv --overlay", r"--overlay and --probabilities need a folder after -o; got masks\.csv"),
        ("-o images", r"must not be written over their images; got images"),
        ("-o .", r"must not be written over their images"),
        ("-o images/b.png", r"got \.png"),
        ("-o model", r"must be new, empty, or one that predict wrote; got model with config\.toml in it"),
        ("-o best.toml", r"got \.toml"),
        ("-o good.npz", r"got good\.npz, which predict did not write"),
    ],
)
def test_places_that_masks_are_not_written_to(folder: Path, line: str, words: str) -> None:
    assert_refused(f"predict model --data images {line}", words, folder)


def test_an_array_file_is_not_written_over(folder: Path) -> None:
    assert_refused("predict model --data good.npz -o good.npz", "must not be written over their images", folder)
    (folder / "masks.npz").symlink_to("good.npz")
    assert_refused("predict model --data good.npz -o masks.npz", "must not be written over their images", folder)


def test_a_picture_that_is_none(folder: Path) -> None:
    (folder / "images" / "c.png").write_bytes(b"no picture")
    assert_refused("predict model --data images -o out", r"got \S*c\.png", folder)


def test_masks_that_are_not_as_the_network_learned(folder: Path) -> None:
    arrays = make_arrays()
    arrays["training_set"][3, 1, 2, 2] = 7
    np.savez(folder / "bad.npz", **arrays)
    assert_refused("evaluate model --data bad.npz", r"got 7 in 1 pixels of image 3 of \S*bad\.npz", folder)


def test_a_mask_of_another_size(folder: Path) -> None:
    (folder / "masks").mkdir()
    for name in ("a.v1", "b"):
        Image.new("L", (16, 16), 1).save(folder / "masks" / f"{name}.png")
    for part in ("images", "masks"):
        (folder / "set").mkdir(exist_ok=True)
        (folder / part).rename(folder / "set" / part)
    assert_refused("evaluate model --data set", r"a\.v1\.png 16x20 and \S*a\.v1\.png 16x16", folder)


def test_networks_of_other_data_are_refused_before_keras_is_imported(folder: Path) -> None:
    (folder / "other").mkdir()
    (folder / "other" / "model.keras").write_bytes(b"not a zip")
    (folder / "other" / "config.toml").write_text(LABELLED.replace("ignore = 0", "ignore = 1"))
    words = r"must agree in data\.ignore; got 0 in model and 1 in other; predict with each of them alone"
    assert_refused("predict model other --data images -o out", words, folder)
    assert_refused("evaluate model other --data good.npz", words, folder)


def test_a_gallery_without_a_number(folder: Path) -> None:
    assert_refused("evaluate model --data good.npz -o w.png", "without it; add --worst 10", folder)
    done = run_forked("evaluate model --data good.npz --worst 0", folder)
    assert done.status == 2


def test_a_killed_prediction_leaves_whole_masks_and_goes_on(tmp_path: Path) -> None:
    from tests.training.test_predict_files import make_mask, write_images, write_model

    write_model(tmp_path / "model")
    masks = {f"{number}": make_mask(number, 100, 100) for number in range(400)}
    write_images(tmp_path / "in", masks)
    process = start_command("predict model --data in -o out", tmp_path)

    def first_mask() -> Path | None:
        return next((tmp_path / "out").glob("[0-9]*.png"), None)

    wait_until(lambda: first_mask() is not None or process.poll() is not None)
    running = process.poll() is None
    process.kill()
    _, errors = process.communicate()
    assert running, errors
    for name, found in _read_masks(tmp_path / "out"):
        np.testing.assert_array_equal(found, masks[name])
    assert run_command("predict model --data in -o out", tmp_path).output() == "400 masks in out\n"
    assert len(dict(_read_masks(tmp_path / "out"))) == 400


def _read_masks(folder: Path) -> Iterator[tuple[str, np.ndarray]]:
    for path in folder.glob("[0-9]*.png"):
        with Image.open(path) as picture:
            yield path.stem, np.asarray(picture)
