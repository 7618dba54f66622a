"""Kinds of data that people bring, made here as they store them, from discovery to an open data set."""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from trainer.config import VOID, DataConfig
from trainer.data.inspect import list_warnings
from trainer.data.pixels import Pixels
from trainer.data.prepare import Prepared, prepare_data
from trainer.errors import InputError

COLOURS = np.array([[0, 0, 0], [210, 40, 40], [40, 70, 210]], np.uint8)
Save = Callable[[Any, Path], None]


def draw(seed: int, height: int = 32, width: int = 32) -> tuple[Pixels, Pixels]:
    """A grey image and its mask with two discs, labels 0 to 2."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width]
    mask = np.zeros((height, width), np.uint8)
    for label in (1, 2):
        row, column, radius = random.integers(6, height - 6), random.integers(6, width - 6), random.integers(4, 9)
        mask[(rows - row) ** 2 + (columns - column) ** 2 < radius**2] = label
    return np.clip(60 + 75 * mask.astype(int) + random.normal(0, 12, mask.shape), 0, 255).astype(np.uint8), mask


def save(array: Any, path: Path, **options: Any) -> None:
    Image.fromarray(array).save(path, **options)


def write_folder(
    folder: Path, images: Save = save, masks: Save = save, suffix: str = ".png", mask_suffix: str = ".png"
) -> Path:
    """`images/` and `masks/` with 24 pairs."""
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True)
    for number in range(24):
        image, mask = draw(number)
        images(image, folder / "images" / f"im_{number:03d}{suffix}")
        masks(mask, folder / "masks" / f"im_{number:03d}{mask_suffix}")
    return folder


def prepare(path: Path, **options: Any) -> Prepared:
    return prepare_data(DataConfig.model_validate({"path": str(path), **options}))


def truth(index: int) -> Pixels:
    return draw(index)[1]


def test_two_values_are_two_classes_of_which_none_is_ignored(tmp_path: Path) -> None:
    ones = prepare(write_folder(tmp_path / "a", masks=lambda mask, path: save((mask > 0).astype(np.uint8), path)))
    assert (ones.dataset.classes, ones.dataset.ignore) == (2, None)
    high = prepare(write_folder(tmp_path / "b", masks=lambda mask, path: save((mask > 0).astype(np.uint8) * 255, path)))
    assert high.dataset.names == ("background", "foreground")
    assert high.dataset.fingerprint == ones.dataset.fingerprint
    assert np.array_equal(high.dataset.train, ones.dataset.train)


def own_palette(mask: Pixels, path: Path) -> None:
    """A palette picture whose colours have an order of their own."""
    order = np.random.default_rng(int(path.stem[-3:])).permutation(3)
    picture = Image.fromarray(np.argsort(order)[mask].astype(np.uint8)).convert("P")
    picture.putpalette(COLOURS[order].ravel().tolist())
    picture.save(path)


@pytest.mark.parametrize("masks", [lambda mask, path: save(COLOURS[mask], path), own_palette])
def test_colours_are_classes_in_whatever_order_palettes_have_them(tmp_path: Path, masks: Save) -> None:
    found = prepare(write_folder(tmp_path / "a", masks=masks))
    assert found.look.config.labels == {"#000000": 0, "#2846d2": 1, "#d22828": 2}  # by colour
    expected = np.array([0, 2, 1], np.uint8)[truth(5)]
    assert np.array_equal(found.dataset.masks[5], expected)


def test_a_palette_of_colours_beside_a_grey_mask_is_refused_with_both_files(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "a", masks=own_palette)
    save(truth(3), folder / "masks" / "im_003.png")
    with pytest.raises(InputError, match=r"im_00\d\.png.*im_00\d\.png"):
        prepare(folder)


def rotated(image: Pixels, path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(image).transpose(Image.Transpose.ROTATE_90).save(path, exif=exif, quality=95)


def test_an_image_that_its_camera_held_askew_is_upright_on_its_mask(tmp_path: Path) -> None:
    found = prepare(write_folder(tmp_path / "a", images=rotated, suffix=".jpg"))
    image, mask = found.dataset.images[0][..., 0], found.dataset.masks[0]
    assert image[mask == 2].mean() > image[mask == 1].mean() + 40 > image[mask == 0].mean() + 80


def test_jpeg_masks_are_refused_whatever_they_are_called(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "a", masks=partial(save, format="JPEG", quality=95))
    with pytest.raises(InputError, match="JPEG"):
        prepare(folder)


def test_masks_with_a_suffix_find_their_images(tmp_path: Path) -> None:
    found = prepare(write_folder(tmp_path / "a", mask_suffix="_mask.png"))
    assert len(found.dataset.images) == 24 and "_mask" in found.source.layout


def test_tiff_beside_png_is_read_and_what_is_not_read_is_named(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "a")
    for number in range(12, 24):
        path = folder / "images" / f"im_{number:03d}.png"
        Image.open(path).save(path.with_suffix(".tif"))
        path.unlink()
    (folder / "notes.txt").write_text("x")
    found = prepare(folder)
    assert len(found.dataset.images) == 24 and [path.name for path in found.source.unread] == ["notes.txt"]


def test_sixteen_bits_are_scaled_by_one_rule_that_is_frozen(tmp_path: Path) -> None:
    found = prepare(write_folder(tmp_path / "a", images=lambda image, path: save(image.astype(np.uint16) * 16, path)))
    assert isinstance(found.look.config.scale, tuple)
    low, high = found.look.config.scale
    assert 0 <= low < 900 < 3000 < high <= 4080
    assert found.dataset.images[0].dtype == np.float16
    scaled = (draw(0)[0].astype(float) * 16 - low) * 255 / (high - low)
    assert np.allclose(found.dataset.images[0][..., 0], scaled.clip(0, 255), atol=0.2)


def test_blanks_do_not_make_two_groups_of_one(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "a")
    rows = [f"im_{number:03d}.png,patient{number // 4}" + " " * (number % 2) for number in range(24)]
    (folder / "groups.csv").write_text("name,group\n" + "\n".join(rows) + "\n")
    groups = prepare(folder).dataset.groups
    assert groups is not None and len(np.unique(groups)) == 6


def test_validation_images_that_also_train_are_warned_of(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "a" / "train").parent
    for part in ("images", "masks"):
        (folder / "validation" / part).mkdir(parents=True)
        for number in range(6):
            name = f"im_{number:03d}.png"
            shutil.copy(folder / "train" / part / name, folder / "validation" / part)
    found = prepare(folder)
    assert len(found.dataset.train) == 24 and len(found.dataset.validation) == 6
    assert any("6 of 6 validation images also train" in line for line in list_warnings(found))


def test_a_near_copy_on_the_other_side_is_warned_of(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "a" / "train").parent
    for part in ("images", "masks"):
        (folder / "val" / part).mkdir(parents=True)
    for number in (3, 90):  # of which one is brighter than its copy that trains
        image, mask = draw(number)
        save((image * 0.9 + 20).astype(np.uint8), folder / "val" / "images" / f"v_{number}.png")
        save(mask, folder / "val" / "masks" / f"v_{number}.png")
    assert "1 of 2 validation images are near copies of training images" in list_warnings(prepare(folder))


def test_large_images_among_small_ones_are_trained_on_in_patches(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "a")
    for number in range(4):
        image, mask = draw(300 + number, 280, 360)
        save(image, folder / "images" / f"im_{number:03d}.png")
        save(mask, folder / "masks" / f"im_{number:03d}.png")
    found = prepare(folder)
    assert found.look.config.patch == found.dataset.shape[:2]
    assert found.dataset.images[0].shape == (280, 360, 1) and found.dataset.images[9].shape == (32, 32, 1)


def stacks() -> tuple[Pixels, Pixels]:
    images, masks = zip(*(draw(number) for number in range(24)), strict=True)
    return np.stack(images), np.stack(masks)


def test_one_hot_masks_are_labels(tmp_path: Path) -> None:
    images, masks = stacks()
    np.savez(tmp_path / "a.npz", images=images, masks=np.eye(3, dtype=np.uint8)[masks])
    found = prepare(tmp_path / "a.npz").dataset
    assert found.classes == 3 and np.array_equal(found.masks, masks)


def test_minus_one_is_not_scored(tmp_path: Path) -> None:
    images, masks = stacks()
    holes = np.where(np.arange(32) < 4, -1, masks.astype(np.int16))
    np.savez(tmp_path / "a.npz", images=images, masks=holes)
    found = prepare(tmp_path / "a.npz").dataset
    assert (found.classes, found.ignore) == (3, VOID)
    assert np.array_equal(np.asarray(found.masks), np.where(holes < 0, VOID, holes))


def test_one_class_is_nothing_to_train_on(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "a", masks=lambda mask, path: save(np.ones_like(mask), path))
    with pytest.raises(InputError, match="two"):
        prepare(folder)
    both = write_folder(tmp_path / "b", masks=lambda mask, path: save((mask > 0).astype(np.uint8), path))
    with pytest.raises(InputError, match="two"):
        prepare(both, ignore=0)
