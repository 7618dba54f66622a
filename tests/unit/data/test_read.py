"""Readers: what is read, and that bad input is refused in one line."""

import io
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from trainer.data import raw as raw_module
from trainer.data.raw import RawData
from trainer.data.read import read_data, read_images
from trainer.errors import InputError


def course_arrays(count: int = 3) -> dict[str, Any]:
    random = np.random.default_rng(0)
    pairs = np.stack([random.integers(0, 256, (count, 8, 12)), random.integers(0, 5, (count, 8, 12))], axis=1)
    tests = random.integers(0, 256, (2, 8, 12)).astype(np.uint8)
    return {
        "training_set": pairs.astype(np.uint8),
        "test_set": tests,
        "training_groups": np.array([f"g{n}" for n in range(count)]),
    }


def save(path: Path, **arrays: Any) -> Path:
    np.savez_compressed(path, **arrays)
    return path


def read(path: Path, **options: Any) -> RawData:
    return read_data(path, options.pop("classes", 5), options.pop("ignore", 0), options.pop("size", None))


def refused(path: Path, words: str, **options: Any) -> None:
    """Asserts that the file is refused, in one line with these words."""
    with pytest.raises(InputError, match=words) as caught:
        read(path, **options)
    assert "\n" not in str(caught.value)


def test_the_course_format_is_read(tmp_path: Path) -> None:
    arrays = course_arrays()
    raw = read(save(tmp_path / "a.npz", **arrays))
    assert raw.images.shape == (3, 8, 12, 1) and raw.images.dtype == np.uint8
    assert np.array_equal(raw.images[..., 0], arrays["training_set"][:, 0])
    assert np.array_equal(raw.masks, arrays["training_set"][:, 1])
    assert raw.groups is not None and raw.groups.tolist() == ["g0", "g1", "g2"]
    assert raw.test_images.shape == (2, 8, 12, 1) and raw.test_names == ("0", "1")


def test_the_general_keys_are_read(tmp_path: Path) -> None:
    images, masks = np.full((2, 8, 8, 3), 7, np.uint8), np.ones((2, 8, 8), np.int64)
    raw = read(save(tmp_path / "a.npz", images=images, masks=masks, groups=np.array([4, 4])))
    assert raw.images.shape == (2, 8, 8, 3) and raw.masks.dtype == np.uint8
    assert raw.groups is not None and raw.groups.tolist() == ["4", "4"]
    assert raw.test_images.shape == (0, 8, 8, 3)


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.int64, np.uint16, ">i4"])
def test_whole_numbers_of_any_dtype_are_accepted(tmp_path: Path, dtype: Any) -> None:
    arrays = course_arrays()
    arrays["training_set"] = arrays["training_set"].astype(dtype)
    assert np.array_equal(
        read(save(tmp_path / "a.npz", **arrays)).images[..., 0], course_arrays()["training_set"][:, 0]
    )


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.5, -1.0, 256.0])
def test_values_that_are_no_pixels_are_refused(tmp_path: Path, value: float) -> None:
    arrays = course_arrays()
    arrays["training_set"] = arrays["training_set"].astype(np.float32)
    arrays["training_set"][2, 0, 3, 4] = value
    refused(save(tmp_path / "a.npz", **arrays), f"whole numbers from 0 to 255; got {value:g} in image 2")


def test_a_label_out_of_range_is_named(tmp_path: Path) -> None:
    arrays = course_arrays()
    arrays["training_set"][1, 1, 0, 0] = 7
    refused(save(tmp_path / "a.npz", **arrays), r"labels must be 0 to 4; got label 7 in 1 masks, the first of image 1")


def test_the_ignore_label_may_be_above_the_classes(tmp_path: Path) -> None:
    arrays = course_arrays()
    arrays["training_set"][1, 1, 0, 0] = 255
    assert read(save(tmp_path / "a.npz", **arrays), ignore=255).masks[1, 0, 0] == 255


def test_masks_without_a_scored_label_are_refused(tmp_path: Path) -> None:
    arrays = course_arrays()
    arrays["training_set"][:, 1] = 0
    refused(save(tmp_path / "a.npz", **arrays), "a class that is scored; got only label 0")


def test_pickled_objects_are_not_read(tmp_path: Path) -> None:
    path = save(tmp_path / "a.npz", training_set=np.array([{"a": 1}], dtype=object))
    refused(path, "pickled objects are not read")


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    refused(save(tmp_path / "a.npz", images=np.zeros((1, 8, 8))), "training_set, or images and masks; got images in")


@pytest.mark.parametrize(
    ("images", "masks", "words"),
    [
        (np.zeros((2, 8, 8)), np.zeros((2, 8, 9)), r"got images \(2, 8, 8\) and masks \(2, 8, 9\)"),
        (np.zeros((2, 8, 8)), np.zeros((3, 8, 8)), "every image must have a mask"),
        (np.zeros((2, 8, 8, 4)), np.zeros((2, 8, 8)), r"\(N, H, W, 3\); got \(2, 8, 8, 4\)"),
        (np.zeros((0, 8, 8)), np.zeros((0, 8, 8)), "at least one image"),
        (np.zeros((2, 8, 0)), np.zeros((2, 8, 0)), "at least one image"),
        (np.array(["a"]), np.array(["b"]), "every image must have a mask"),
        (np.full((1, 2, 2), "a"), np.zeros((1, 2, 2)), "must be numbers; got dtype <U1"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(tmp_path: Path, images: Any, masks: Any, words: str) -> None:
    refused(save(tmp_path / "a.npz", images=images, masks=masks), words)


def test_groups_of_another_length_are_refused(tmp_path: Path) -> None:
    arrays = course_arrays() | {"training_groups": np.array(["a"])}
    refused(save(tmp_path / "a.npz", **arrays), "one group an image")


def test_test_images_of_another_size_are_refused(tmp_path: Path) -> None:
    arrays = course_arrays() | {"test_set": np.zeros((1, 4, 4), np.uint8)}
    refused(save(tmp_path / "a.npz", **arrays), "set data.resize")


def test_a_damaged_file_is_read_or_refused_in_one_line(tmp_path: Path) -> None:
    whole = save(tmp_path / "a.npz", **course_arrays()).read_bytes()
    random = np.random.default_rng(1)
    refusals = 0
    for _ in range(300):
        damaged = bytearray(whole)
        for place in random.integers(0, len(whole), 3):
            damaged[place] = random.integers(0, 256)
        (tmp_path / "b.npz").write_bytes(damaged)
        try:
            read(tmp_path / "b.npz")
        except InputError as error:
            assert "\n" not in str(error)
            refusals += 1
    assert 100 < refusals < 300


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_truncated_file_is_refused(tmp_path: Path, share: float) -> None:
    whole = save(tmp_path / "a.npz", **course_arrays()).read_bytes()
    (tmp_path / "b.npz").write_bytes(whole[: int(len(whole) * share)])
    refused(tmp_path / "b.npz", "must be a whole npz file")


def test_a_header_that_declares_more_than_the_file_has_is_refused_before_memory_is_allocated(tmp_path: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (10**9, 2, 64, 128)})
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("training_set.npy", header.getvalue() + b"0" * 100)
    refused(tmp_path / "a.npz", "the 16,384,000,000,000 bytes that its header declares; got 100")


def test_data_larger_than_memory_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw_module, "_MEMORY_SHARE", 0)
    refused(save(tmp_path / "a.npz", **course_arrays()), "must fit in memory")


@pytest.mark.parametrize("name", ["missing.npz", "x" * 5000, "a\0b"])
def test_a_path_to_nothing_is_refused(tmp_path: Path, name: str) -> None:
    refused(tmp_path / name, "must be an npz file or a folder")


def test_npz_images_are_resized(tmp_path: Path) -> None:
    raw = read(save(tmp_path / "a.npz", **course_arrays()), size=(4, 6))
    assert raw.images.shape == (3, 4, 6, 1) and raw.masks.shape == (3, 4, 6) and raw.test_images.shape == (2, 4, 6, 1)


def make_folder(folder: Path, sizes: tuple[tuple[int, int], ...] = ((12, 8), (12, 8))) -> Path:
    for name in ("images", "masks", "test"):
        (folder / name).mkdir(parents=True)
    for number, size in enumerate(sizes):
        Image.new("L", size, 10 + number).save(folder / "images" / f"{number}.png")
        Image.new("L", size, 1 + number).save(folder / "masks" / f"{number}.png")
    Image.new("L", sizes[0], 99).save(folder / "test" / "t.png")
    return folder


def test_a_folder_is_read(tmp_path: Path) -> None:
    folder = make_folder(tmp_path)
    (folder / "groups.csv").write_text("name,group\n0.png,a\n1,b\n")
    raw = read(folder)
    assert raw.images.shape == (2, 8, 12, 1) and raw.images[:, 0, 0, 0].tolist() == [10, 11]
    assert raw.masks[:, 0, 0].tolist() == [1, 2] and raw.test_names == ("t",)
    assert raw.groups is not None and raw.groups.tolist() == ["a", "b"]


def test_one_colour_image_makes_all_three_channels(tmp_path: Path) -> None:
    folder = make_folder(tmp_path)
    Image.new("RGB", (12, 8), (1, 2, 3)).save(folder / "images" / "1.png")
    raw = read(folder)
    assert raw.images.shape == (2, 8, 12, 3) and raw.images[1, 0, 0].tolist() == [1, 2, 3]


def test_a_palette_mask_is_read_as_indices(tmp_path: Path) -> None:
    folder = make_folder(tmp_path)
    mask = Image.new("P", (12, 8), 3)
    mask.putpalette([255, 0, 0] * 256)
    mask.save(folder / "masks" / "0.png")
    assert read(folder).masks[0, 0, 0] == 3


def test_differing_sizes_name_two_files(tmp_path: Path) -> None:
    refused(make_folder(tmp_path, ((12, 8), (10, 8))), r"0.png 8x12 and .*1.png 8x10; set data.resize")


def test_differing_sizes_are_resized(tmp_path: Path) -> None:
    raw = read(make_folder(tmp_path, ((12, 8), (24, 20))), size=(16, 16))
    assert raw.images.shape == (2, 16, 16, 1) and set(np.unique(raw.masks)) == {1, 2}


def test_a_missing_mask_is_named(tmp_path: Path) -> None:
    folder = make_folder(tmp_path)
    (folder / "masks" / "1.png").unlink()
    refused(folder, "every image must have a mask; got none for .*1.png")


def test_a_colour_mask_is_refused(tmp_path: Path) -> None:
    folder = make_folder(tmp_path)
    Image.new("RGB", (12, 8)).save(folder / "masks" / "1.png")
    refused(folder, "one channel of labels; got mode RGB")


def test_an_image_that_is_none_is_refused(tmp_path: Path) -> None:
    folder = make_folder(tmp_path)
    (folder / "images" / "1.png").write_bytes(b"hello")
    refused(folder, "an image must be readable")


def test_a_truncated_image_is_refused(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, ((400, 400), (400, 400)))
    pixels = np.random.default_rng(0).integers(0, 256, (400, 400), dtype=np.uint8)
    Image.fromarray(pixels).save(folder / "images" / "1.png")
    whole = (folder / "images" / "1.png").read_bytes()
    (folder / "images" / "1.png").write_bytes(whole[: len(whole) // 2])
    refused(folder, "an image must be readable")


def test_a_decompression_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_folder(tmp_path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 60)
    refused(folder, "an image must have fewer pixels; got .*0.png: .*make it smaller")


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    refused(tmp_path, "got no folder .*images")


def test_a_group_that_is_missing_is_named(tmp_path: Path) -> None:
    folder = make_folder(tmp_path)
    (folder / "groups.csv").write_text("name,group\n0.png,a\n")
    refused(folder, "every image must have a group; got none for 1.png")


def test_groups_in_a_pipe_are_refused(tmp_path: Path) -> None:
    """Its reader would wait for a writer for ever."""
    os.mkfifo(make_folder(tmp_path) / "groups.csv")
    refused(tmp_path, "groups.csv must be a plain file; got .*groups.csv, which is none")


@pytest.mark.parametrize("target", ["/dev/zero", "/nowhere"])
def test_groups_in_a_device_or_behind_a_broken_link_are_refused(tmp_path: Path, target: str) -> None:
    (make_folder(tmp_path) / "groups.csv").symlink_to(target)
    refused(tmp_path, "groups.csv must be a plain file")


@pytest.mark.parametrize("place", ["images", "masks", "test"])
def test_a_picture_in_a_pipe_is_refused(tmp_path: Path, place: str) -> None:
    os.mkfifo(make_folder(tmp_path) / place / "9.png")
    refused(tmp_path, "an image must be a plain file; got .*9.png, a pipe, device or broken link; remove it")


def test_test_images_of_an_npz_are_read_without_training_images(tmp_path: Path) -> None:
    images, names = read_images(save(tmp_path / "a.npz", test_set=course_arrays()["test_set"]))
    assert images.shape == (2, 8, 12, 1) and names == ("0", "1")


def test_an_npz_without_test_images_cannot_be_predicted(tmp_path: Path) -> None:
    path = save(tmp_path / "a.npz", training_set=course_arrays()["training_set"])
    with pytest.raises(InputError, match="test_set or test_images; got training_set"):
        read_images(path)


def test_pictures_of_a_plain_folder_and_of_its_subfolder_are_read(tmp_path: Path) -> None:
    folder = make_folder(tmp_path)
    assert read_images(folder)[1] == ("t",)
    images, names = read_images(folder / "images", channels=3)
    assert images.shape == (2, 8, 12, 3) and names == ("0", "1")
