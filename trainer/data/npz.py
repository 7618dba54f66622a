"""Data sets in NumPy's npz format. Headers are checked before memory is allocated, and nothing is unpickled.

Two sets of keys are supported: the course's (`training_set` (N, 2, H, W), `test_set` (T, H, W), `training_groups` (N,))
and the general one (`images` (N, H, W) or (N, H, W, 3), `masks` (N, H, W), `test_images`, `groups`).
"""

import math
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from trainer.data.pixels import Groups, Pixels
from trainer.data.raw import RawData, check_memory, to_pixels
from trainer.errors import InputError
from trainer.files import atomic_write

_TEST_KEYS = ("test_set", "test_images")


def read_npz(path: Path) -> RawData:
    """Images, masks, groups and test images of an npz file. Raises InputError; labels are not checked here."""
    with _open_zip(path) as archive:
        keys = _keys(archive)
        if "training_set" in keys:
            pairs = _read(archive, "training_set")
            if pairs.ndim != 4 or pairs.shape[1] != 2:
                raise InputError(f"training_set must be of shape (N, 2, H, W); got {pairs.shape}; save image and mask")
            images, masks = pairs[:, 0], pairs[:, 1]
            group_key, test_key = "training_groups", "test_set"
        elif {"images", "masks"} <= keys:
            images, masks = _read(archive, "images"), _read(archive, "masks")
            group_key, test_key = "groups", "test_images"
        else:
            raise InputError(
                f"an npz data set must have the key training_set, or images and masks; got {_list_keys(keys)} in {path}"
            )
        _check_pair(images, masks)
        pixels = _as_images(images, "images")
        groups = _as_groups(_read(archive, group_key), len(pixels), group_key) if group_key in keys else None
        tests = _as_images(_read(archive, test_key), test_key) if test_key in keys else pixels[:0]
    return RawData(pixels, to_pixels(masks, "mask labels"), groups, tests, _number_names(tests))


def read_test_npz(path: Path) -> tuple[Pixels, tuple[str, ...]]:
    """Test images (T, H, W, C) of an npz file, and their numbers as names. Raises InputError."""
    with _open_zip(path) as archive:
        keys = _keys(archive)
        for key in _TEST_KEYS:
            if key in keys:
                images = _as_images(_read(archive, key), key)
                if len(images) == 0:
                    raise InputError(f"{key} must hold at least one image; got none in {path}")
                return images, _number_names(images)
    raise InputError(f"test images must lie under the key test_set or test_images; got {_list_keys(keys)} in {path}")


@contextmanager
def _open_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """Opens an archive; whatever its bytes are, every failure is an InputError of one line."""
    try:
        # NumPy warns about headers of Python 2 and odd literals; they are read or refused without a warning.
        with warnings.catch_warnings(), zipfile.ZipFile(path) as archive:
            warnings.simplefilter("ignore")
            yield archive
    except (InputError, MemoryError):
        raise
    except zipfile.BadZipFile as error:
        raise InputError(
            f"a data set must be a whole npz file; got {path}: {_first_line(error)}; fetch it again"
        ) from None
    except Exception as error:  # NumPy and zipfile raise many types on damaged bytes
        raise InputError(f"an npz file must be readable; got {path}: {_first_line(error)}; fetch it again") from None


def _keys(archive: zipfile.ZipFile) -> set[str]:
    return {name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")}


def _read(archive: zipfile.ZipFile, key: str) -> NDArray[Any]:
    info = archive.getinfo(f"{key}.npy")
    with archive.open(info) as member:
        shape, dtype = _read_header(member, key)
        declared = math.prod(shape) * dtype.itemsize
        if declared != info.file_size - member.tell():
            raise InputError(
                f"{key} must hold the {declared:,} bytes that its header declares; "
                f"got {info.file_size - member.tell():,}; save the file again"
            )
        check_memory(2 * declared, f"{key} and its copy while it is read")
    with archive.open(info) as member:
        return np.asarray(npy.read_array(member, allow_pickle=False))


def _read_header(member: IO[bytes], key: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = npy.read_magic(member)
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    if version not in readers:
        raise InputError(f"{key} must be in version 1 or 2 of the npy format; got {version}; save it with np.savez")
    shape, _, dtype = readers[version](member)
    if dtype.hasobject:
        raise InputError(f"{key} must be plain numbers or text; got dtype {dtype}; pickled objects are not read")
    if any(length < 0 for length in shape):
        raise InputError(f"{key} must have lengths of 0 and more; got shape {shape}; save the file again")
    return shape, dtype


def _check_pair(images: NDArray[Any], masks: NDArray[Any]) -> None:
    if images.ndim < 3 or masks.shape != images.shape[:3]:
        raise InputError(
            f"every image must have a mask of its size; got images {images.shape} and masks {masks.shape}; "
            "save images as (N, H, W) or (N, H, W, 3) and masks as (N, H, W)"
        )
    if images.size == 0:
        raise InputError(f"a data set must have at least one image with pixels; got shape {images.shape}")


def _as_images(values: NDArray[Any], what: str) -> Pixels:
    """(N, H, W), (N, H, W, 1) or (N, H, W, 3) -> (N, H, W, C)."""
    if values.ndim not in (3, 4) or (values.ndim == 4 and values.shape[3] not in (1, 3)):
        raise InputError(f"{what} must be of shape (N, H, W) or (N, H, W, 3); got {values.shape}; save them so")
    pixels = to_pixels(values, f"pixels of {what}")
    return pixels if pixels.ndim == 4 else pixels[..., None]


def _as_groups(values: NDArray[Any], images: int, key: str) -> Groups:
    if values.shape != (images,):
        raise InputError(f"{key} must name one group an image; got shape {values.shape} for {images} images")
    if values.dtype.kind not in "USiu":
        raise InputError(f"{key} must be text or whole numbers; got dtype {values.dtype}; save them as text")
    return np.char.decode(values, "utf-8") if values.dtype.kind == "S" else values.astype(np.str_)


def _number_names(images: Pixels) -> tuple[str, ...]:
    return tuple(str(number) for number in range(len(images)))


def _list_keys(keys: set[str]) -> str:
    shown = sorted(ascii(key)[1:-1][:40] for key in keys)[:8]
    return ", ".join(shown) + (", ..." if len(keys) > 8 else "") if keys else "no arrays"


def _first_line(error: Exception) -> str:
    """The first line of an error's text, with unprintable characters escaped."""
    text = str(error).strip() or type(error).__name__
    return ascii(text.splitlines()[0][:200])[1:-1]


def write_npz(path: Path, arrays: dict[str, NDArray[Any]]) -> Path:
    """Writes a compressed npz file atomically, with its folder; returns `path`. Raises InputError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as partial, partial.open("wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    except OSError as error:
        raise InputError(f"a file must be writable; got {path}: {error.strerror or error}; choose another") from None
    return path
