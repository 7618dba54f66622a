"""Data sets as folders: `images/` and `masks/` paired by name, and optionally `groups.csv` and `test/`."""

import csv
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trainer.data.pixels import Groups, Pixels
from trainer.data.raw import RawData, check_memory, resize, to_pixels
from trainer.errors import InputError

Size = tuple[int, int]  # height, width
_IMAGES = (".png", ".jpg", ".jpeg")
_FORMATS = ("PNG", "JPEG")  # whatever the suffix: for other formats Pillow may run programs, as Ghostscript for EPS
_GREY = ("L", "LA", "1", "I", "F", "I;16", "I;16B", "I;16L")
_WIDE = ("I", "F", "I;16", "I;16B", "I;16L")  # more than eight bits: read unconverted, and checked


@dataclass(frozen=True)
class _Picture:
    """The header of a picture."""

    path: Path
    size: Size
    mode: str


def read_folder(folder: Path, size: Size | None) -> RawData:
    """Images, masks, groups and test images of a folder, resized to `size` unless it is None. Raises InputError."""
    images = _list_pictures(folder / "images", _IMAGES)
    masks = {path.stem: path for path in _list_files(folder / "masks", (".png",))}
    for path in images:
        if path.stem not in masks:
            raise InputError(f"every image must have a mask; got none for {path}; add masks/{path.stem}.png")
    tests = _list_files(folder / "test", _IMAGES) if (folder / "test").is_dir() else []
    pictures, test_pictures = [_read_header(path) for path in images], [_read_header(path) for path in tests]
    mask_pictures = [_read_header(masks[path.stem]) for path in images]
    if size is None:
        size = pictures[0].size
        _check_sizes([*pictures, *mask_pictures, *test_pictures])
    for image, mask in zip(pictures, mask_pictures, strict=True):
        if image.size != mask.size:
            raise InputError(f"an image and its mask must be of one size; got {_describe(image)} and {_describe(mask)}")
    channels = _count_channels([*pictures, *test_pictures])
    check_memory((len(pictures) + len(test_pictures)) * (channels + 1) * size[0] * size[1], str(folder))
    return RawData(
        images=_decode_images(pictures, size, channels),
        masks=_decode_masks(mask_pictures, size),
        groups=_read_groups(folder / "groups.csv", images) if os.path.lexists(folder / "groups.csv") else None,
        test_images=_decode_images(test_pictures, size, channels),
        test_names=tuple(path.stem for path in tests),
    )


def read_test_folder(folder: Path, size: Size | None, channels: int | None) -> tuple[Pixels, tuple[str, ...]]:
    """Pictures of a folder, or of its subfolder `test`, (T, H, W, C), and their names without suffix.

    `channels` is 1, 3, or None for grey if all pictures are grey, else RGB. Raises InputError.
    """
    paths = _list_pictures(folder / "test" if (folder / "test").is_dir() else folder, _IMAGES)
    pictures = [_read_header(path) for path in paths]
    if size is None:
        size = pictures[0].size
        _check_sizes(pictures)
    channels = channels or _count_channels(pictures)
    check_memory(len(pictures) * channels * size[0] * size[1], str(folder))
    return _decode_images(pictures, size, channels), tuple(path.stem for path in paths)


def _list_pictures(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    paths = _list_files(folder, suffixes)
    if not paths:
        raise InputError(f"a folder of images must hold {' or '.join(suffixes)} files; got none in {folder}")
    return paths


def _list_files(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    """The folder's files with these suffixes, sorted; refuses two with the same stem."""
    if not folder.is_dir():
        raise InputError(f"a data set's folder must have images/ and masks/; got no folder {folder}")
    found = [path for path in folder.iterdir() if path.suffix.lower() in suffixes and not path.name.startswith(".")]
    for path in found:
        if not path.is_file() and not path.is_dir():
            raise InputError(f"an image must be a plain file; got {path}, a pipe, device or broken link; remove it")
    paths = sorted(path for path in found if path.is_file())
    stems: dict[str, Path] = {}
    for path in paths:
        if (other := stems.setdefault(path.stem, path)) is not path:
            raise InputError(f"two images must not share a name; got {other} and {path.name}; rename one")
    return paths


@contextmanager
def _open(path: Path) -> Iterator[Image.Image]:
    """Opens a picture; every failure, decompression bombs included, is an InputError of one line."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=_FORMATS) as image:
                yield image
    except (InputError, MemoryError):
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise InputError(
            f"an image must have fewer pixels; got {path}: {_first_line(error)}; make it smaller"
        ) from None
    except Exception as error:  # decoders raise many types on damaged bytes
        raise InputError(f"an image must be readable; got {path}: {_first_line(error)}; replace it") from None


def _read_header(path: Path) -> _Picture:
    with _open(path) as image:
        return _Picture(path, (image.height, image.width), image.mode)


def _check_sizes(pictures: list[_Picture]) -> None:
    for picture in pictures:
        if picture.size != pictures[0].size:
            raise InputError(
                f"all images must have one size; got {_describe(pictures[0])} and {_describe(picture)}; set data.resize"
            )


def _describe(picture: _Picture) -> str:
    return f"{picture.path} {picture.size[0]}x{picture.size[1]}"


def _count_channels(pictures: list[_Picture]) -> int:
    """1 if all pictures are grey, else 3."""
    return 1 if all(picture.mode in _GREY for picture in pictures) else 3


def _decode_images(pictures: list[_Picture], size: Size, channels: int) -> Pixels:
    """Pictures as (N, H, W, C)."""
    images = np.empty((len(pictures), *size, channels), np.uint8)
    for index, picture in enumerate(pictures):
        with _open(picture.path) as image:
            images[index] = resize(_image_pixels(image, channels, picture), size, smooth=True).reshape(images.shape[1:])
    return images


def _image_pixels(image: Image.Image, channels: int, picture: _Picture) -> NDArray[Any]:
    """One picture as (H, W) for one channel, else (H, W, 3)."""
    if image.mode not in _WIDE:
        return np.array(image.convert("L" if channels == 1 else "RGB"))
    grey = to_pixels(np.array(image)[None], f"pixels of {picture.path}")[0]
    return grey if channels == 1 else np.repeat(grey[..., None], 3, axis=2)


def _decode_masks(pictures: list[_Picture], size: Size) -> Pixels:
    """Masks as (N, H, W); in a palette picture the indices are the labels, whatever the colours."""
    masks = np.empty((len(pictures), *size), np.uint8)
    for index, picture in enumerate(pictures):
        if picture.mode not in ("L", "P", "1", *_WIDE):
            raise InputError(
                f"a mask must have one channel of labels; got mode {picture.mode} in {picture.path}; "
                "save it as grey or palette PNG"
            )
        with _open(picture.path) as image:
            labels = to_pixels(np.array(image)[None], f"labels of {picture.path}")[0]
        masks[index] = resize(labels, size, smooth=False)
    return masks


def _read_groups(path: Path, images: list[Path]) -> Groups:
    """The group of each image, from rows of `name,group`; names may omit the suffix."""
    if not path.is_file():
        raise InputError(f"groups.csv must be a plain file; got {path}, which is none; remove it")
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            rows = list(csv.DictReader(lines))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"groups.csv must be readable UTF-8 text; got {path}: {_first_line(error)}; correct it"
        ) from None
    if not rows or not {"name", "group"} <= rows[0].keys():
        raise InputError(f"groups.csv must have the columns name and group; got {path}; write them in its first line")
    named = {row["name"]: row["group"] for row in rows if row["name"] and row["group"]}
    for image in images:
        if image.name not in named and image.stem not in named:
            raise InputError(f"every image must have a group; got none for {image.name} in {path}; add a line for it")
    return np.array([named.get(image.name, named.get(image.stem)) for image in images], np.str_)


def _first_line(error: Exception) -> str:
    """The first line of an error's text."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
