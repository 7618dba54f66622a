"""Opening a data set: cleaning, split, names, fingerprint, limit, and a validation file of its own."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trainer.config import DataConfig
from trainer.data.dataset import Dataset
from trainer.data.pixels import class_shares, count_labels
from trainer.data.prepare import prepare_data
from trainer.errors import InputError


def write(path: Path, count: int = 40, seed: int = 0, **changes: Any) -> Path:
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (count, 8, 8), dtype=np.uint8)
    masks = random.integers(0, 5, (count, 8, 8), dtype=np.uint8)
    np.savez(path, **({"images": images, "masks": masks} | changes))
    return path


def opened(path: Path, **options: Any) -> Dataset:
    return prepare_data(DataConfig.model_validate({"path": str(path), **options})).dataset


def test_both_sides_cover_all_images(tmp_path: Path) -> None:
    data = opened(write(tmp_path / "a.npz"))
    assert sorted([*data.train, *data.validation]) == list(range(40))
    assert len(data.validation) == 6


def test_corrupt_images_are_dropped_unless_configured_otherwise(tmp_path: Path) -> None:
    masks = np.random.default_rng(5).integers(0, 5, (40, 8, 8), dtype=np.uint8)
    masks[4:9] = masks[4]
    path = write(tmp_path / "a.npz", masks=masks)
    assert [image.index for image in opened(path).dropped] == [4, 5, 6, 7, 8]
    assert len(opened(path).kept) == 35 and len(opened(path).images) == 40
    assert len(opened(path, clean=False).kept) == 40


def test_the_fingerprint_is_of_the_content_before_cleaning(tmp_path: Path) -> None:
    first = opened(write(tmp_path / "a.npz")).fingerprint
    tests = np.zeros((1, 8, 8), np.uint8)
    assert opened(write(tmp_path / "b.npz", test_images=tests), clean=False, limit=3).fingerprint == first
    assert opened(write(tmp_path / "c.npz", groups=np.arange(40))).fingerprint != first
    assert opened(write(tmp_path / "d.npz", seed=1)).fingerprint != first


def test_the_fingerprint_does_not_depend_on_the_files_dtypes(tmp_path: Path) -> None:
    masks = np.random.default_rng(5).integers(0, 5, (40, 8, 8))
    groups = np.arange(40).astype("U9")
    first = opened(write(tmp_path / "a.npz", masks=masks, groups=groups)).fingerprint
    path = write(tmp_path / "b.npz", masks=masks.astype(np.float32), groups=groups.astype("S20"))
    assert opened(path).fingerprint == first


def test_the_limit_spreads_over_the_training_images(tmp_path: Path) -> None:
    path = write(tmp_path / "a.npz")
    whole, few = opened(path), opened(path, limit=4)
    assert len(few.train) == 4 and set(few.train) <= set(whole.train)
    assert np.array_equal(few.validation, whole.validation)
    assert np.ptp(few.train) > 20


def test_a_validation_file_of_its_own_is_the_validation_side(tmp_path: Path) -> None:
    other = write(tmp_path / "b.npz", count=7, seed=3)
    data = opened(write(tmp_path / "a.npz"), validation=str(other))
    assert data.train.tolist() == list(range(40)) and data.validation.tolist() == list(range(40, 47))


def test_corrupt_images_are_dropped_from_a_validation_file_too(tmp_path: Path) -> None:
    masks = np.random.default_rng(5).integers(0, 5, (10, 8, 8), dtype=np.uint8)
    masks[2:5] = masks[2]
    other = write(tmp_path / "b.npz", count=10, seed=3, masks=masks)
    data = opened(write(tmp_path / "a.npz"), validation=str(other))
    assert [image.index for image in data.dropped] == [42, 43, 44]
    assert data.train.tolist() == list(range(40)) and data.validation.tolist() == [40, 41, *range(45, 50)]


def test_a_validation_file_of_another_size_takes_patches(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    other = write(tmp_path / "b.npz", images=random.integers(0, 9, (2, 4, 4)), masks=random.integers(0, 5, (2, 4, 4)))
    with pytest.raises(InputError, match="images must have one size"):
        opened(write(tmp_path / "a.npz"), validation=str(other), patch="none")
    data = opened(write(tmp_path / "a.npz"), validation=str(other))
    assert data.shape[2] == 1 and data.images[41].shape == (4, 4, 1)


def test_the_classes_have_names(tmp_path: Path) -> None:
    path = write(tmp_path / "a.npz")
    assert opened(path).names == ("0", "1", "2", "3", "4")
    assert opened(path, names=list("abcde")).names == tuple("abcde")


def test_no_path_is_refused() -> None:
    with pytest.raises(InputError, match=r"a data set must be named"):
        prepare_data(DataConfig())


def test_class_shares_are_of_all_pixels() -> None:
    masks = np.array([[[0, 1], [1, 255]]], np.uint8)
    assert class_shares(count_labels(masks), 3).tolist() == [0.25, 0.5, 0]
