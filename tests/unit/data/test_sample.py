"""The generated data set."""

from pathlib import Path

import numpy as np
import pytest

from trainer.config import DataConfig
from trainer.data.dataset import Dataset
from trainer.data.prepare import prepare_data
from trainer.data.sample import write_sample
from trainer.errors import InputError


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    path = write_sample(tmp_path_factory.mktemp("sample") / "deep" / "sample.npz", images=120, test_images=5)
    return prepare_data(DataConfig(path=str(path))).dataset


def test_it_is_in_the_courses_format(sample: Dataset) -> None:
    assert np.asarray(sample.images).shape == (120, 64, 128, 1) and sample.tests == 5
    assert sample.groups is not None and sample.dropped == ()


def test_every_class_is_on_both_sides(sample: Dataset) -> None:
    masks = np.asarray(sample.masks)
    assert np.unique(masks[sample.train]).tolist() == [0, 1, 2, 3, 4]
    assert np.unique(masks[sample.validation]).tolist() == [0, 1, 2, 3, 4]


def test_big_rocks_are_rare(sample: Dataset) -> None:
    assert 0.001 < np.mean(np.asarray(sample.masks) == 4) < 0.02


def test_brightness_alone_does_not_separate_the_classes(sample: Dataset) -> None:
    images, masks = np.asarray(sample.images)[..., 0], np.asarray(sample.masks)
    means = [images[masks == label].mean() for label in (1, 2, 3)]
    assert np.ptp(means) < images.std()


def test_a_seed_decides_the_images(tmp_path: Path) -> None:
    first, second = (np.load(write_sample(tmp_path / name, images=6, test_images=1)) for name in ("a.npz", "b.npz"))
    other = np.load(write_sample(tmp_path / "c.npz", images=6, test_images=1, seed=1))
    with first, second, other:
        assert np.array_equal(first["training_set"], second["training_set"])
        assert not np.array_equal(first["training_set"], other["training_set"])


def test_nothing_is_left_beside_the_file(tmp_path: Path) -> None:
    write_sample(tmp_path / "a.npz", images=2, test_images=1)
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="a file must be writable"):
        write_sample(tmp_path / "file" / "a.npz", images=2, test_images=1)
