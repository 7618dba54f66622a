"""What a data set is found to have, its cleaned copy and its contact sheet."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from trainer.config import DataConfig
from trainer.data.course import COURSE_NAMES
from trainer.data.inspect import inspect, write_cleaned
from trainer.data.prepare import prepare_data
from trainer.figures.palette import IGNORED, class_colours, paint
from trainer.figures.sheet import write_contact_sheet

COURSE = partial(DataConfig, ignore=0, names=COURSE_NAMES)


def write(path: Path, **changes: Any) -> Path:
    """40 images, five of which share a mask; class 4 in ten of them."""
    random = np.random.default_rng(0)
    images = random.integers(30, 256, (40, 16, 16), dtype=np.uint8)
    masks = random.integers(0, 4, (40, 16, 16), dtype=np.uint8)
    masks[:5] = masks[0]
    masks[30:, 3, 3] = 4
    np.savez(path, **({"images": images, "masks": masks, "groups": np.arange(40) // 2} | changes))
    return path


def test_the_summary_has_the_keys_that_scripts_rely_on(tmp_path: Path) -> None:
    summary = inspect(COURSE(path=str(write(tmp_path / "a.npz")))).summary()
    keys = "images dropped kept groups size class_shares test_images fingerprint"
    assert set(summary) >= set(keys.split())
    assert json.loads(json.dumps(summary)) == summary
    assert (summary["images"], summary["dropped"], summary["kept"], summary["groups"]) == (40, 5, 35, 20)
    assert summary["size"] == [16, 16] and sum(summary["class_shares"]) == pytest.approx(1)


def test_each_class_is_counted_on_each_side(tmp_path: Path) -> None:
    row = inspect(COURSE(path=str(write(tmp_path / "a.npz")))).rows[4]
    assert row.name == "big rock" and not row.ignored
    assert row.training.images + row.validation.images == row.training.pixels + row.validation.pixels == 10
    assert row.validation_share == row.validation.pixels / 10
    assert row.training.groups is not None and row.validation.groups is not None
    assert row.training.groups + row.validation.groups == 5


def test_a_class_in_few_images_is_warned_of(tmp_path: Path) -> None:
    warnings = inspect(COURSE(path=str(write(tmp_path / "a.npz")))).warnings
    assert warnings == ("class 4 (big rock) is in 10 images only: its score will be uncertain",)


def test_black_images_and_mostly_ignored_masks_are_counted(tmp_path: Path) -> None:
    with np.load(write(tmp_path / "a.npz")) as arrays:
        images, masks = arrays["images"], arrays["masks"]
    images[10:13], masks[20:22, 1:] = 3, 0
    found = inspect(COURSE(path=str(write(tmp_path / "b.npz", images=images, masks=masks)))).warnings
    assert "3 images are nearly black (mean below 20 of 255)" in found
    assert "2 masks are ignored for 90% and more of their pixels" in found


@pytest.mark.parametrize("channels", [1, 3])
def test_the_cleaned_copy_has_the_remaining_images(tmp_path: Path, channels: int) -> None:
    images = np.random.default_rng(0).integers(30, 256, (40, 16, 16, channels), dtype=np.uint8)
    config = DataConfig(path=str(write(tmp_path / "a.npz", images=images, test_images=images[:2])))
    before = prepare_data(config).dataset
    after = prepare_data(config.model_copy(update={"path": str(write_cleaned(config, tmp_path / "b.npz"))})).dataset
    assert len(after.images) == 35 and after.dropped == () and after.tests == before.tests == 2
    kept = before.kept
    assert np.array_equal(after.images, np.asarray(before.images)[kept])
    assert np.array_equal(after.masks, np.asarray(before.masks)[kept])
    assert after.groups is not None and before.groups is not None
    assert np.array_equal(after.groups, before.groups[kept])


def test_the_cleaned_copy_may_replace_its_source(tmp_path: Path) -> None:
    path = write(tmp_path / "a.npz")
    write_cleaned(DataConfig(path=str(path)), path)
    assert len(prepare_data(DataConfig(path=str(path))).dataset.images) == 35


def test_the_contact_sheet_shows_masks_in_the_classes_colours(tmp_path: Path) -> None:
    """The rare class too: its images, four of 35, are chosen first."""
    path = write(tmp_path / "a.npz")
    with np.load(path) as arrays:
        masks = np.where(arrays["masks"] == 4, 1, arrays["masks"])
    masks[[11, 17, 22, 27], 4:12, 4:12] = 4  # of which an even choice has none
    data = prepare_data(COURSE(path=str(write(path, masks=masks)))).dataset
    with Image.open(write_contact_sheet(data, tmp_path / "deep" / "sheet.png")) as picture:
        assert picture.format == "PNG" and min(picture.size) > 300
        row = np.asarray(picture.convert("RGB"))[: picture.size[1] // 3]
    for colour in class_colours(5, 0)[1:]:
        assert (row == colour).all(-1).sum() > 5000  # the legend has some hundred


def test_classes_have_colours_of_their_own() -> None:
    assert len(np.unique(class_colours(12, None), axis=0)) == 12
    assert class_colours(5, 0)[0].tolist() == list(IGNORED)
    assert paint(np.array([[1, 255]], np.uint8), 3, 255)[0, 1].tolist() == list(IGNORED)


def test_the_mars_images_are_as_documented(mars: Path) -> None:
    summary = inspect(DataConfig(path=str(mars))).summary()
    assert (summary["images"], summary["dropped"], summary["kept"], summary["groups"]) == (2615, 110, 2505, 603)
    assert summary["size"] == [64, 128] and summary["test_images"] == 2760
