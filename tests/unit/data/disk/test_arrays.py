"""Data sets of arrays: keys, shapes, and that bad files are refused in one line."""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trainer.data import memory
from trainer.data.disk.arrays import Arrays, read_arrays, write_npz
from trainer.data.disk.read import read_header, read_image, read_mask
from trainer.data.item import Row
from trainer.errors import InputError


def course_arrays(count: int = 3) -> dict[str, Any]:
    random = np.random.default_rng(0)
    pairs = np.stack([random.integers(0, 256, (count, 8, 12)), random.integers(0, 5, (count, 8, 12))], axis=1)
    return {
        "training_set": pairs.astype(np.uint8),
        "test_set": random.integers(0, 256, (2, 8, 12)).astype(np.uint8),
        "training_groups": np.array([f"g{number}" for number in range(count)]),
    }


def save(path: Path, **arrays: Any) -> Path:
    np.savez_compressed(path, **arrays)
    return path


def refused(path: Path, words: str, require_masks: bool = True) -> None:
    """Asserts that the file is refused, in one printable line with these words."""
    with pytest.raises(InputError, match=words) as caught:
        read_arrays(path, require_masks)
    assert str(caught.value).isprintable()


def images_of(count: int = 3, *shape: int, dtype: Any = np.uint8) -> Any:
    return np.random.default_rng(7).integers(0, 200, (count, *(shape or (8, 12)))).astype(dtype)


def labels_of(count: int = 3, *shape: int, top: int = 3) -> Any:
    return np.random.default_rng(8).integers(0, top, (count, *(shape or (8, 12)))).astype(np.uint8)


def masks_of(arrays: Arrays) -> Any:
    assert arrays.masks is not None
    return arrays.masks


def test_the_course_format_is_read(tmp_path: Path) -> None:
    saved = course_arrays()
    arrays = read_arrays(save(tmp_path / "a.npz", **saved))
    assert arrays.is_course and arrays.images.shape == (3, 8, 12, 1)
    assert np.array_equal(arrays.images[..., 0], saved["training_set"][:, 0])
    assert np.array_equal(masks_of(arrays), saved["training_set"][:, 1])
    assert arrays.groups is not None and arrays.groups.tolist() == ["g0", "g1", "g2"]
    assert arrays.test_images.shape == (2, 8, 12, 1) and arrays.test_names == ("0", "1")
    assert arrays.names == ("0", "1", "2") and arrays.unread == ()


def test_the_general_keys_are_read(tmp_path: Path) -> None:
    saved = {"images": images_of(2, 8, 8, 3), "masks": labels_of(2, 8, 8), "groups": np.array([4, 4])}
    names = {"names": np.array(["a/b", "c.d"]), "test_names": np.array(["t"]), "test_images": images_of(1, 4, 4, 3)}
    arrays = read_arrays(save(tmp_path / "a.npz", **saved, **names, more=np.zeros(1)))
    assert not arrays.is_course and np.array_equal(arrays.images, saved["images"])
    assert arrays.groups is not None and arrays.groups.tolist() == ["4", "4"]
    assert arrays.names == ("a/b", "c.d") and arrays.test_names == ("t",) and arrays.unread == ("more",)
    assert np.array_equal(arrays.test_images, names["test_images"])


@pytest.mark.parametrize(
    ("image", "mask"),
    [("image", "mask"), ("x", "y"), ("X", "Y"), ("X", "y"), ("x_train", "y_train"), ("X_train", "Y_train"),
     ("imgs", "labels"), ("data", "label"), ("train_images", "train_masks"), ("images", "labels")],
)  # fmt: skip
def test_other_keys_are_read(tmp_path: Path, image: str, mask: str) -> None:
    arrays = read_arrays(save(tmp_path / "a.npz", **{mask: labels_of(), image: images_of()}))
    assert np.array_equal(arrays.images[..., 0], images_of()) and np.array_equal(masks_of(arrays), labels_of())
    for key, values in ((mask, labels_of()), (image, images_of())):
        np.save(tmp_path / f"{key}.npy", values)
    arrays = read_arrays(tmp_path / f"{image}.npy")
    assert np.array_equal(arrays.images[..., 0], images_of()) and np.array_equal(masks_of(arrays), labels_of())


def test_an_npy_is_mapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.save(tmp_path / "images.npy", images_of())
    np.save(tmp_path / "masks.npy", labels_of())
    monkeypatch.setattr(memory, "_MEMORY_SHARE", 0)
    assert read_arrays(tmp_path / "images.npy").images.shape == (3, 8, 12, 1)


def test_an_npy_without_masks_is_for_predictions_alone(tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", images_of())
    arrays = read_arrays(tmp_path / "images.npy", require_masks=False)
    assert arrays.masks is None and arrays.images.shape == (3, 8, 12, 1) and arrays.names == ("0", "1", "2")
    refused(tmp_path / "images.npy", "must have one of masks beside it, as masks.npy beside images.npy; got ")


def test_an_npz_without_masks_is_for_predictions_alone(tmp_path: Path) -> None:
    arrays = read_arrays(save(tmp_path / "a.npz", test_set=images_of()), require_masks=False)
    assert arrays.test_images.shape == (3, 8, 12, 1) and len(arrays.images) == 0 and arrays.masks is None
    arrays = read_arrays(save(tmp_path / "b.npz", images=images_of()), require_masks=False)
    assert arrays.images.shape == (3, 8, 12, 1) and len(arrays.test_images) == 0
    refused(tmp_path / "b.npz", "must have the key training_set, or images and masks; got images in ")
    path = save(tmp_path / "c.npz", other=images_of())
    refused(path, "test images must lie under the key test_set or test_images; got other in ", require_masks=False)


@pytest.mark.parametrize(
    ("shape", "read"),
    [((8, 12), (8, 12, 1)), ((8, 12, 1), (8, 12, 1)), ((8, 12, 16), (8, 12, 16)), ((3, 18, 20), (18, 20, 3)),
     ((5, 12, 17), (12, 17, 5)), ((20, 18, 4), (20, 18, 4))],
)  # fmt: skip
def test_channels_are_last_or_first(tmp_path: Path, shape: Any, read: Any) -> None:
    images = images_of(2, *shape)
    arrays = read_arrays(save(tmp_path / "a.npz", images=images, masks=labels_of(2, *read[:2]), test_images=images))
    assert arrays.images.shape == (2, *read) == arrays.test_images.shape
    if shape[-1] > 16 and len(shape) == 3:
        assert np.array_equal(arrays.images[1, ..., 2], images[1, 2])


def test_masks_tell_which_axes_are_channels(tmp_path: Path) -> None:
    images = images_of(2, 3, 16, 16)
    arrays = read_arrays(save(tmp_path / "a.npz", images=images, masks=labels_of(2, 16, 16), test_images=images))
    assert arrays.images.shape == (2, 16, 16, 3) == arrays.test_images.shape


@pytest.mark.parametrize("shape", [(8, 12, 1), (1, 8, 12)])
def test_masks_may_have_one_channel(tmp_path: Path, shape: tuple[int, ...]) -> None:
    arrays = read_arrays(save(tmp_path / "a.npz", images=images_of(), masks=labels_of().reshape(3, *shape)))
    assert np.array_equal(masks_of(arrays), labels_of())


@pytest.mark.parametrize("one", [np.uint8(1), np.uint8(255), np.float32(1), np.float64(255), np.bool_(True)])
@pytest.mark.parametrize("axis", [-1, 1])
@pytest.mark.parametrize("classes", [2, 3, 5])
def test_one_hot_masks_are_classes(tmp_path: Path, one: Any, axis: int, classes: int) -> None:
    labels = labels_of(top=classes)
    masks = np.moveaxis(np.eye(classes, dtype=one.dtype)[labels] * one, -1, axis)
    arrays = read_arrays(save(tmp_path / "a.npz", images=images_of(), masks=masks))
    assert np.array_equal(masks_of(arrays), labels) and masks_of(arrays).dtype == np.uint8


@pytest.mark.parametrize("value", [0.5, np.nan, 1.0, 2.0])
def test_masks_that_are_nearly_one_hot_are_refused(tmp_path: Path, value: float) -> None:
    masks = np.eye(4, dtype=np.float32)[labels_of()]
    masks[2, 3, 4, 3] = value
    words = r"masks of 4 channels must have exactly one 1 in every pixel.* \(3, 8, 12, 4\)"
    refused(save(tmp_path / "a.npz", images=images_of(), masks=masks), words)


def test_masks_of_colours_are_read_as_such(tmp_path: Path) -> None:
    masks = np.array([[0, 0, 0], [255, 0, 0], [1, 2, 3]], np.uint8)[labels_of()]
    for stored in (masks, masks.astype(np.float32), np.moveaxis(masks, -1, 1)):
        arrays = read_arrays(save(tmp_path / "a.npz", images=images_of(), masks=stored))
        mask = read_mask(Row(tmp_path / "a.npz", 1, masks_of(arrays)))
        assert mask.kind == "colour" and np.array_equal(mask.values, np.array([0, 0xFF0000, 0x010203])[labels_of()[1]])
    stored = masks.astype(np.int64) * 300
    arrays = read_arrays(save(tmp_path / "a.npz", images=images_of(), masks=stored))
    with pytest.raises(InputError, match="a colour mask must have values from 0 to 255; got 0 to 76500 in image 1 of"):
        read_mask(Row(tmp_path / "a.npz", 1, masks_of(arrays)))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, ">i4", np.int64, np.float16, np.float32, np.float64, np.bool_])
def test_rows_have_the_dtype_of_the_file(tmp_path: Path, dtype: Any) -> None:
    images = images_of(3, 8, 12, 2, dtype=dtype)
    arrays = read_arrays(save(tmp_path / "a.npz", images=images, masks=labels_of()))
    row = Row(tmp_path / "a.npz", 2, arrays.images)
    image, header = read_image(row), read_header(row)
    assert (header.height, header.width, header.channels, header.dtype) == (*image.shape, image.dtype.name)
    assert np.array_equal(image, images[2] * (255 if dtype == np.bool_ else np.uint8(1)))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_pixels_that_are_not_finite_are_refused(tmp_path: Path, value: float) -> None:
    images = images_of(dtype=np.float32)
    images[2, 3, 4] = value
    arrays = read_arrays(save(tmp_path / "a.npz", images=images, masks=labels_of()))
    assert read_image(Row(tmp_path / "a.npz", 1, arrays.images)).shape == (8, 12, 1)
    with pytest.raises(InputError, match=f"an image must have finite pixels; got {value:g} in image 2 of "):
        read_image(Row(tmp_path / "a.npz", 2, arrays.images))


def test_labels_of_any_dtype_are_read(tmp_path: Path) -> None:
    for dtype in (np.int16, np.int64, np.float64):
        masks = labels_of().astype(dtype) - 1
        arrays = read_arrays(save(tmp_path / "a.npz", images=images_of(), masks=masks))
        mask = read_mask(Row(tmp_path / "a.npz", 1, masks_of(arrays)))
        assert mask.kind == "grey" and mask.values.dtype.kind == "i" and np.array_equal(mask.values, masks[1])
    for value in (0.5, np.nan, 2.0**40):
        masks = labels_of().astype(float)
        masks[2, 3, 4] = value
        arrays = read_arrays(save(tmp_path / "a.npz", images=images_of(), masks=masks))
        with pytest.raises(InputError, match=r"labels must be whole numbers of at most 32 bits; got \S+ in image 2 of"):
            read_mask(Row(tmp_path / "a.npz", 2, masks_of(arrays)))


@pytest.mark.parametrize(
    ("images", "masks", "words"),
    [
        (np.zeros((2, 8, 8)), np.zeros((2, 8, 9)), r"of its size; got images \(2, 8, 8\) and masks \(2, 8, 9\)"),
        (np.zeros((2, 8, 8)), np.zeros((3, 8, 8)), "every image must have a mask"),
        (np.zeros((2, 8, 8)), np.zeros(2), r"every image must have a mask of its size; got .* masks \(2,\)"),
        (np.zeros((2, 18, 18, 18)), np.zeros((2, 18, 18)), r"with 1 to 16 channels"),
        (np.zeros((0, 8, 8)), np.zeros((0, 8, 8)), "at least one image"),
        (np.zeros((2, 8, 0)), np.zeros((2, 8, 0)), "at least one image"),
        (np.array(["a"]), np.array(["b"]), "every image must have a mask"),
        (np.full((1, 2, 2), "a"), np.zeros((1, 2, 2)), "pixels of images must be numbers; got dtype <U1"),
        (np.zeros((1, 2, 2), complex), np.zeros((1, 2, 2)), "pixels of images must be numbers; got dtype complex128"),
        (np.zeros((1, 2, 2)), np.zeros((1, 2, 2), "M8[s]"), "mask labels must be numbers; got dtype datetime64"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(tmp_path: Path, images: Any, masks: Any, words: str) -> None:
    refused(save(tmp_path / "a.npz", images=images, masks=masks), words)


def test_groups_of_another_length_are_refused(tmp_path: Path) -> None:
    refused(save(tmp_path / "a.npz", **course_arrays() | {"training_groups": np.array(["a"])}), "one group an image")


@pytest.mark.parametrize("name", ["../a", "/a", "", "a\n", "a//b", "b"])
def test_names_that_no_file_may_have_are_refused(tmp_path: Path, name: str) -> None:
    saved = {"images": images_of(), "masks": labels_of(), "names": np.array([name, "b", "c"])}
    refused(save(tmp_path / "a.npz", **saved), "names must be (names that a file may have|different for each image);")


def test_pickled_objects_are_not_read(tmp_path: Path) -> None:
    objects = np.array([{"a": 1}], dtype=object)
    refused(save(tmp_path / "a.npz", training_set=objects), "pickled objects are not read")
    np.save(tmp_path / "images.npy", objects)
    refused(tmp_path / "images.npy", "pickled objects are not read", require_masks=False)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_truncated_file_is_refused(tmp_path: Path, share: float) -> None:
    whole = save(tmp_path / "a.npz", **course_arrays()).read_bytes()
    (tmp_path / "b.npz").write_bytes(whole[: int(len(whole) * share)])
    refused(tmp_path / "b.npz", "must be a whole npz file")
    np.save(tmp_path / "a.npy", images_of())
    whole = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "images.npy").write_bytes(whole[: int(len(whole) * share)])
    refused(tmp_path / "images.npy", "(an npy file must be readable|bytes that its header declares); ", False)


def test_a_header_that_declares_more_than_the_file_has_is_refused_before_memory_is_allocated(tmp_path: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (10**9, 2, 64, 128)})
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("training_set.npy", header.getvalue() + b"0" * 100)
    refused(tmp_path / "a.npz", "the 16,384,000,000,000 bytes that its header declares; got 100")


def test_data_larger_than_memory_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_MEMORY_SHARE", 0)
    refused(
        save(tmp_path / "a.npz", **course_arrays()), "training_set and its copy while it is read must fit in memory"
    )


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = write_npz(tmp_path / "deep" / "a.npz", course_arrays())
    assert np.array_equal(read_arrays(path).images[..., 0], course_arrays()["training_set"][:, 0])
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"a file must be writable; got \S*a.npz: "):
        write_npz(tmp_path / "file" / "a.npz", course_arrays())
