"""Masks by mirrored views, and by several networks together: real networks, whose answer is known."""

from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from tests.training.test_predict_files import (
    LEVELS,
    SIDE,
    SIZES,
    make_mask,
    read_mask,
    run_predict,
    write_images,
    write_model,
)
from trainer.errors import InputError
from trainer.model.flips import Flips


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("plain") / "model")


@pytest.mark.parametrize("flips", get_args(Flips))
def test_flips_of_images_of_any_size(tmp_path: Path, model: Path, flips: str) -> None:
    masks = {name: make_mask(seed, *size) for seed, (name, size) in enumerate(SIZES.items())}
    data = write_images(tmp_path / "in", masks)
    run_predict(model, "--data", data, "-o", tmp_path / "out", "--flips", flips, "--probabilities")
    for name, mask in masks.items():
        np.testing.assert_array_equal(read_mask(tmp_path / "out" / f"{name}.png"), mask)
        np.testing.assert_allclose(np.load(tmp_path / "out" / "probabilities" / f"{name}.npy").sum(-1), 1, atol=2e-3)


def test_several_networks_decide_by_the_mean_of_their_probabilities(tmp_path: Path, model: Path) -> None:
    """One takes each class for another, and is less certain; its windows have another size."""
    wrong = write_model(tmp_path / "wrong", side=40, levels=LEVELS[[1, 2, 0]], certainty=3)
    masks = {name: make_mask(seed, *size) for seed, (name, size) in enumerate(SIZES.items())}
    data = write_images(tmp_path / "in", masks)
    for number, folders in enumerate([(model, wrong), (wrong, model), (wrong, model, wrong)]):
        run_predict(*folders, "--data", data, "-o", tmp_path / str(number), "--probabilities")
    run_predict(wrong, "--data", data, "-o", tmp_path / "alone", "--probabilities")
    run_predict(model, "--data", data, "-o", tmp_path / "right", "--probabilities")

    def read(folder: str, name: str) -> Any:
        return np.load(tmp_path / folder / "probabilities" / f"{name}.npy").astype(np.float32)

    for name, mask in masks.items():
        np.testing.assert_array_equal(read_mask(tmp_path / "0" / f"{name}.png"), mask)
        np.testing.assert_array_equal(read_mask(tmp_path / "1" / f"{name}.png"), mask)
        assert (read_mask(tmp_path / "alone" / f"{name}.png") != mask).all()
        np.testing.assert_allclose(read("0", name), (read("right", name) + read("alone", name)) / 2, atol=1e-3)
        np.testing.assert_allclose(read("2", name), (read("right", name) + 2 * read("alone", name)) / 3, atol=1e-3)


def test_networks_of_other_data_are_refused(tmp_path: Path, model: Path) -> None:
    other = write_model(tmp_path / "other", resize=(SIDE, SIDE))
    data = write_images(tmp_path / "in", {"a": make_mask(0)})
    with pytest.raises(InputError, match=rf"agree in data\.resize; got none in {model} and \(16, 16\) in {other}"):
        run_predict(model, other, "--data", data, "-o", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_networks_of_other_channels_or_classes_are_refused(tmp_path: Path, model: Path) -> None:
    """Where their configurations do not tell."""
    data = write_images(tmp_path / "in", {"a": make_mask(0)})
    for other, what in (
        (write_model(tmp_path / "colour", channels=3), "channels; got 1 in"),
        (write_model(tmp_path / "four", levels=np.array([60, 135, 210, 250]), classes=3), "classes; got 3 in"),
    ):
        with pytest.raises(InputError, match=f"must have the same {what}"):
            run_predict(model, other, "--data", data, "-o", tmp_path / "out")
