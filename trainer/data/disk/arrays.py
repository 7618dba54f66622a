"""Data sets in NumPy's files: an npz, or an npy of images with one of masks beside it."""

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.data.disk import array_keys
from trainer.data.disk.array_file import list_keys, map_npy, open_npz, read_member, show_keys
from trainer.data.disk.array_shapes import as_images, as_pair
from trainer.data.pixels import Groups
from trainer.errors import InputError, printable
from trainer.files import atomic_write


@dataclass(frozen=True, eq=False)
class Arrays:
    """A data set of arrays, of any numeric dtype."""

    images: NDArray[Any]  # (N, H, W, C); N may be 0 where masks are not required
    masks: NDArray[Any] | None  # (N, H, W), or colours (N, H, W, 3)
    groups: Groups | None  # (N,)
    test_images: NDArray[Any]  # (T, H, W, C), T may be 0
    names: tuple[str, ...]  # of the images, else their numbers
    test_names: tuple[str, ...]
    is_course: bool = False  # of the course's format
    unread: tuple[str, ...] = ()  # keys of an npz that are not read


def read_arrays(path: Path, require_masks: bool = True) -> Arrays:
    """Images, masks and what belongs to them. An npy file is mapped.

    Values are checked where a row is read, by `read_image` and `read_mask`.

    Raises:
        InputError: the file cannot be used, or has no masks although they are required.
    """
    if path.suffix.lower() == ".npy":
        return _read_npy(path, require_masks)
    with open_npz(path) as archive:
        return _read_npz(archive, path, require_masks)


def _read_npy(path: Path, require_masks: bool) -> Arrays:
    masks_path = array_keys.find_masks_file(path)
    images = map_npy(path)
    if masks_path is None:
        if require_masks:
            raise InputError(
                f"an npy file of images must have one of masks beside it, as masks.npy beside images.npy; "
                f"got {printable(path)}; name them so"
            )
        return _without_masks(as_images(images, printable(path.name)))
    images, masks = as_pair(images, map_npy(masks_path))
    return Arrays(images, masks, None, images[:0], _numbers(images), ())


def _without_masks(images: NDArray[Any]) -> Arrays:
    return Arrays(images, None, None, images[:0], _numbers(images), ())


def _read_npz(archive: zipfile.ZipFile, path: Path, require_masks: bool) -> Arrays:
    keys = list_keys(archive)
    is_course = array_keys.COURSE_KEY in keys
    used: list[str] = []

    def read(wanted: tuple[str, ...]) -> NDArray[Any] | None:
        key = array_keys.find_key(keys, wanted)
        if key is None:
            return None
        used.append(key)
        return read_member(archive, key)

    images: NDArray[Any] | None = None
    masks: NDArray[Any] | None = None
    if is_course:
        used.append(array_keys.COURSE_KEY)
        images, masks = _split_course(read_member(archive, array_keys.COURSE_KEY))
    elif pair := array_keys.find_pair(keys):
        used += pair
        images, masks = as_pair(read_member(archive, pair[0]), read_member(archive, pair[1]))
    elif require_masks:
        raise InputError(
            f"an npz data set must have the key training_set, or images and masks; "
            f"got {show_keys(keys)} in {printable(path)}"
        )
    elif key := array_keys.find_images(keys):
        used.append(key)
        images = as_images(read_member(archive, key), key)
    if (tests := read(array_keys.TEST_KEYS)) is not None:
        tests = as_images(tests, used[-1], None if images is None else images.shape[3])
    _check_some(images, tests, keys, path)
    images = _none_of(tests) if images is None else images
    tests = images[:0] if tests is None else tests
    groups, names, test_names = (
        read(wanted) for wanted in (array_keys.GROUP_KEYS, array_keys.NAME_KEYS, array_keys.TEST_NAME_KEYS)
    )
    return Arrays(
        images=images,
        masks=masks,
        groups=None if groups is None else _as_text(groups, len(images), "groups", "one group"),
        test_images=tests,
        names=_numbers(images) if names is None else _as_names(names, len(images), "names"),
        test_names=_numbers(tests) if test_names is None else _as_names(test_names, len(tests), "test_names"),
        is_course=is_course,
        unread=tuple(sorted(keys - set(used))),
    )


def _split_course(pairs: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    if pairs.ndim != 4 or pairs.shape[1] != 2:
        raise InputError(f"training_set must be of shape (N, 2, H, W); got {pairs.shape}; save image and mask")
    return as_pair(pairs[:, 0], pairs[:, 1])


def _check_some(images: NDArray[Any] | None, tests: NDArray[Any] | None, keys: set[str], path: Path) -> None:
    """Raises InputError where there is no image at all."""
    if images is None and tests is None:
        raise InputError(
            f"test images must lie under the key test_set or test_images; got {show_keys(keys)} in {printable(path)}"
        )
    if images is None and tests is not None and tests.size == 0:
        raise InputError(f"an npz file must hold at least one image; got none in {printable(path)}")


def _none_of(tests: NDArray[Any] | None) -> NDArray[Any]:
    return np.zeros((0, 1, 1, 1), np.uint8) if tests is None else tests[:0]


def _as_text(values: NDArray[Any], images: int, key: str, what: str) -> Groups:
    if values.shape != (images,):
        raise InputError(f"{key} must name {what} an image; got shape {values.shape} for {images} images")
    if values.dtype.kind not in "USiu":
        raise InputError(f"{key} must be text or whole numbers; got dtype {values.dtype}; save them as text")
    return np.char.decode(values, "utf-8") if values.dtype.kind == "S" else values.astype(np.str_)


def _as_names(values: NDArray[Any], images: int, key: str) -> tuple[str, ...]:
    """Names that may become those of files."""
    names = tuple(str(name) for name in _as_text(values, images, key, "one file"))
    for name in names:
        parts = name.replace("\\", "/").split("/")
        if not name.isprintable() or "" in parts or ".." in parts:
            raise InputError(f"{key} must be names that a file may have; got {printable(name)[:80]!r}; rename it")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"{key} must be different for each image; got {twice} twice; rename one")
    return names


def _numbers(images: NDArray[Any]) -> tuple[str, ...]:
    return tuple(str(number) for number in range(len(images)))


def write_npz(path: Path, arrays: dict[str, NDArray[Any]]) -> Path:
    """Writes a compressed npz file atomically, with its folder; returns `path`. Raises InputError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as partial, partial.open("wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    except OSError as error:
        raise InputError(f"a file must be writable; got {path}: {error.strerror or error}; choose another") from None
    return path
