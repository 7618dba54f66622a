"""A shared copy: what arrives is the data that were decoded, or is refused; its folder is data as any other."""

import json
import pickle
import shutil
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from trainer.config import DataConfig
from trainer.data.cache.shared import FILE, IMAGES, MASKS, SharedCopy, complete, describe_copy, read_shared
from trainer.data.dataset import Dataset, open_dataset
from trainer.data.inspect import list_warnings
from trainer.data.prepare import prepare_data
from trainer.data.progress import no_progress
from trainer.errors import InputError

SIZES = [(16, 16), (24, 20), (9, 31), (16, 16)] * 3


def write(folder: Path, sizes: list[tuple[int, int]], part: str = "", dtype: Any = np.uint8) -> Path:
    """A folder of images and masks, of which a part is `train` or `val`."""
    random = np.random.default_rng(len(sizes))
    for kind in ("images", "masks"):
        (folder / part / kind).mkdir(parents=True)
    for number, size in enumerate(sizes):
        pixels = random.integers(0, 256, (*size, 3) if dtype is np.uint8 else size).astype(dtype)
        Image.fromarray(pixels).save(folder / part / "images" / f"p{number % 4}_{number:02d}.png")
        mask = random.integers(0, 3, size, np.uint8)
        Image.fromarray(mask).save(folder / part / "masks" / f"p{number % 4}_{number:02d}.png")
    return folder


def settle(folder: Path, cache: Path, **options: Any) -> tuple[Dataset, DataConfig]:
    """The data as the first host has them, and their configuration with nothing left to be found."""
    prepared = prepare_data(DataConfig.model_validate({"path": str(folder), **options}), cache)
    return prepared.dataset, prepared.look.config


def hand_over(dataset: Dataset, config: DataConfig, folder: Path) -> DataConfig:
    """The configuration of a host to which the copy has come."""
    assert dataset.folder is not None
    copy = describe_copy(dataset, config)
    folder.mkdir()
    for name, size in copy.files.items():
        assert (dataset.folder / name).stat().st_size == size
        shutil.copy(dataset.folder / name, folder)
    complete(folder, read_shared(copy.to_json(), copy.name), no_progress)
    return config.model_copy(update={"path": str(folder)})


def assert_same(one: Dataset, other: Dataset) -> None:
    """All but the folder is the same, to the byte."""
    for name in Dataset.__dataclass_fields__:
        mine, its = getattr(one, name), getattr(other, name)
        if name == "table":
            for column in type(one.table).__dataclass_fields__:
                assert np.array_equal(getattr(one.table, column), getattr(other.table, column)), column
        elif name in ("images", "masks"):
            assert all(np.array_equal(*pair) and pair[0].dtype == pair[1].dtype for pair in zip(mine, its, strict=True))
        elif isinstance(mine, np.ndarray):
            assert np.array_equal(mine, its), name
        elif name != "folder":
            assert mine == its, name


@pytest.fixture
def shared(tmp_path: Path) -> SharedCopy:
    return describe_copy(*settle(write(tmp_path / "data", [(16, 16)] * 12), tmp_path / "cache"))


@pytest.mark.parametrize(
    ("sizes", "options"),
    [
        ([(16, 16)] * 12, {}),
        (SIZES, {"patch": [8, 8]}),
        (SIZES, {"resize": [16, 16]}),
        ([(16, 16)] * 12, {"groups": r"(p\d)", "validation": 0.25}),
        ([(16, 16)] * 12, {"fold": [1, 3]}),
        ([(16, 16)] * 12, {"limit": 3, "names": ["a", "b", "c"]}),
    ],
)
def test_what_arrives_is_what_was_decoded(tmp_path: Path, sizes: Any, options: dict[str, Any]) -> None:
    dataset, config = settle(write(tmp_path / "data", sizes), tmp_path / "cache", **options)
    there = hand_over(dataset, config, tmp_path / "there")
    shutil.rmtree(tmp_path / "data")
    assert_same(open_dataset(there, tmp_path / "other"), dataset)
    assert_same(open_dataset(there), dataset)


def test_images_of_more_than_8_bits_arrive(tmp_path: Path) -> None:
    folder = write(tmp_path / "data", [(16, 16)] * 12, dtype=np.uint16)
    dataset, config = settle(folder, tmp_path / "cache", scale=[0, 255])
    assert dataset.images[0].dtype == np.float16
    assert_same(open_dataset(hand_over(dataset, config, tmp_path / "there")), dataset)


def test_an_official_validation_part_stays_one(tmp_path: Path) -> None:
    write(write(tmp_path / "data", [(16, 16)] * 9, "train"), [(16, 16)] * 4, "val")
    dataset, config = settle(tmp_path / "data", tmp_path / "cache")
    assert dataset.official == 9 and dataset.validation.tolist() == [9, 10, 11, 12]
    assert_same(open_dataset(hand_over(dataset, config, tmp_path / "there")), dataset)


def test_another_validation_path_stays_one(tmp_path: Path) -> None:
    other = write(tmp_path / "other", [(16, 16)] * 4)
    folder = write(tmp_path / "data", [(16, 16)] * 12)
    dataset, config = settle(folder, tmp_path / "cache", validation=str(other))
    there = hand_over(dataset, config, tmp_path / "there")
    shutil.rmtree(other)
    assert_same(open_dataset(there), dataset)


def test_other_folds_of_a_copy_are_those_of_the_data(tmp_path: Path) -> None:
    folder = write(tmp_path / "data", [(16, 16)] * 12)
    dataset, config = settle(folder, tmp_path / "cache")
    there = hand_over(dataset, config, tmp_path / "there")
    for fold in range(3):
        mine, its = (override_fold(one, fold) for one in (config, there))
        assert_same(open_dataset(its), open_dataset(mine))


def override_fold(config: DataConfig, fold: int) -> DataConfig:
    return config.model_copy(update={"fold": (fold, 3)})


def test_a_copy_needs_no_look(tmp_path: Path) -> None:
    dataset, config = settle(write(tmp_path / "data", [(16, 16)] * 12), tmp_path / "cache")
    there = hand_over(dataset, config, tmp_path / "there")
    prepared = prepare_data(there, tmp_path / "other")
    assert prepared.look.config == there and list_warnings(prepared) is not None
    assert_same(prepared.dataset, dataset)


def test_another_process_maps_the_copy_too(tmp_path: Path) -> None:
    there = hand_over(*settle(write(tmp_path / "data", [(16, 16)] * 12), tmp_path / "cache"), tmp_path / "there")
    dataset = open_dataset(there)
    assert_same(pickle.loads(pickle.dumps(dataset)), dataset)


def test_a_copy_can_be_handed_on(tmp_path: Path) -> None:
    dataset, config = settle(write(tmp_path / "data", [(16, 16)] * 12), tmp_path / "cache")
    there = hand_over(dataset, config, tmp_path / "there")
    assert describe_copy(open_dataset(there), there) == describe_copy(dataset, config)


@pytest.mark.parametrize("change", [{"resize": (8, 8)}, {"classes": 4}, {"ignore": "auto"}, {"groups": r"(\d)"}])
def test_a_copy_is_not_used_as_other_data(tmp_path: Path, change: dict[str, Any]) -> None:
    there = hand_over(*settle(write(tmp_path / "data", [(16, 16)] * 12), tmp_path / "cache"), tmp_path / "there")
    with pytest.raises(InputError, match=rf"must be used as it was decoded, data\.{next(iter(change))} = .* --data"):
        open_dataset(there.model_copy(update=change))


@pytest.mark.parametrize("name", [IMAGES, MASKS])
def test_a_changed_pixel_is_found(tmp_path: Path, shared: SharedCopy, name: str) -> None:
    for file, size in shared.files.items():
        (tmp_path / file).write_bytes(bytes(size))
    with pytest.raises(InputError, match=r"must be of the data with fingerprint \w{16}; got \w{16}; remove"):
        complete(tmp_path, shared, no_progress)
    assert not (tmp_path / FILE).exists()


def test_changed_groups_are_found(tmp_path: Path) -> None:
    dataset, config = settle(write(tmp_path / "data", [(16, 16)] * 12), tmp_path / "cache", groups=r"(p\d)")
    copy = describe_copy(dataset, config)
    assert dataset.folder is not None and copy.groups is not None
    for name in copy.files:
        shutil.copy(dataset.folder / name, tmp_path)
    with pytest.raises(InputError, match="must be of the data with fingerprint"):
        complete(tmp_path, replace(copy, groups=copy.groups[::-1]), no_progress)


@pytest.mark.parametrize(
    "changes",
    [{"official": 3}, {"names": []}, {"sizes": [[1, 1, 1]]}, {"tests": 7}, {"fingerprint": "0" * 64}, {"version": 9}],
)
def test_another_description_is_refused(shared: SharedCopy, changes: dict[str, Any]) -> None:
    text = json.dumps(json.loads(shared.to_json()) | changes, sort_keys=True).encode()
    with pytest.raises(InputError, match="must be as it was written; got another one for"):
        read_shared(text, shared.name)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"{}",
        b"null",
        b"[" * 100_000,
        b'{"version": 1}',
        b'{"version": 1, "fields": {}, "sizes": []}',
        b"\xff",
    ],
)
def test_what_is_no_description_is_refused(text: bytes) -> None:
    name = f"{'0' * 32}-{sha256(text).hexdigest()[:16]}"
    with pytest.raises(InputError, match="must be as it was written"):
        read_shared(text, name)


@pytest.mark.parametrize(
    "changes",
    [
        {"sizes": [[16, 16, -3]] * 12},
        {"sizes": [[16, 16]] * 12},
        {"sizes": [[16.5, 16, 3]] * 12},
        {"sizes": [[1 << 40, 16, 3]] * 12},
        {"dtype": "object"},
        {"official": 99},
        {"groups": ["a"]},
        {"names": ["a"]},
        {"sizes": [], "names": []},
        {"fields": {"classes": "3"}},
    ],
)
def test_a_description_that_contradicts_itself_is_refused(shared: SharedCopy, changes: dict[str, Any]) -> None:
    copy = replace(shared, **changes)
    with pytest.raises(InputError, match="must be as it was written"):
        read_shared(copy.to_json(), copy.name)


def test_a_description_of_another_version_says_so(shared: SharedCopy, monkeypatch: pytest.MonkeyPatch) -> None:
    text, name = shared.to_json(), shared.name
    monkeypatch.setattr("trainer.data.cache.shared.FORMAT", 2)
    with pytest.raises(InputError, match="must be of one version of unet-search"):
        read_shared(text, name)


def test_names_that_are_no_unicode_survive(shared: SharedCopy) -> None:
    odd = replace(shared, names=["\udcff", *shared.names[1:]])
    assert read_shared(odd.to_json(), odd.name) == odd


def test_a_damaged_description_beside_the_copy_is_one_line(tmp_path: Path) -> None:
    there = hand_over(*settle(write(tmp_path / "data", [(16, 16)] * 12), tmp_path / "cache"), tmp_path / "there")
    (tmp_path / "there" / FILE).write_text("{")
    with pytest.raises(InputError, match=r"must be as it arrived; got a damaged shared\.json"):
        open_dataset(there)
