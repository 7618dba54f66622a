"""Reads data sets, without cleaning: an npz file, or a folder of image and mask pairs."""

from pathlib import Path

from trainer.data.folder import read_folder, read_test_folder
from trainer.data.npz import read_npz, read_test_npz
from trainer.data.pixels import Pixels
from trainer.data.raw import RawData, check_labels, resize_all, resize_raw, within_memory
from trainer.errors import InputError, printable


@within_memory()
def read_data(path: str | Path, classes: int, ignore: int | None, size: tuple[int, int] | None = None) -> RawData:
    """Images and masks of a file or folder, resized to `size` (height, width) unless it is None.

    Raises InputError if anything cannot be used, labels outside the classes included.
    """
    source = _find_source(path)
    raw = read_folder(source, size) if source.is_dir() else resize_raw(read_npz(source), size)
    check_labels(raw.masks, classes, ignore)
    if len(raw.test_images) and raw.test_images.shape[1:] != raw.images.shape[1:]:
        raise InputError(
            f"test images must have the training images' shape; got {raw.test_images.shape[1:]} and "
            f"{raw.images.shape[1:]}; set data.resize, or leave them out"
        )
    return raw


@within_memory()
def read_images(
    path: str | Path, size: tuple[int, int] | None = None, channels: int | None = None
) -> tuple[Pixels, tuple[str, ...]]:
    """Images to predict, (T, H, W, C), and their names: test images of an npz file, or the pictures of a folder.

    Args:
        path: an npz file, or a folder; its subfolder `test` is read if there is one.
        size: (height, width) to resize to; None for the images' own size.
        channels: 1 or 3 to read a folder's pictures as grey or RGB; None for grey if all of them are, else RGB.

    Raises:
        InputError: the images cannot be used.
    """
    source = _find_source(path)
    if source.is_dir():
        return read_test_folder(source, size, channels)
    images, names = read_test_npz(source)
    return (images if size is None else resize_all(images, size, smooth=True)), names


def _find_source(path: str | Path) -> Path:
    source = Path(path).expanduser()
    try:
        known = source.is_file() or source.is_dir()
    except (OSError, ValueError):  # a name that is too long, or has a zero byte
        known = False
    if not known:
        raise InputError(
            f"data must be an npz file or a folder; got {printable(path)}, which is neither; correct the path, or "
            "name the place they have moved to with --data"
        )
    return source
