"""A data set in memory: read, checked, cleaned and split."""

from dataclasses import dataclass, replace
from hashlib import sha256

import numpy as np

from trainer.config import DataConfig
from trainer.data.clean import DroppedImage, find_corrupt
from trainer.data.pixels import Groups, Indices, Pixels
from trainer.data.raw import RawData, within_memory
from trainer.data.read import read_data
from trainer.data.split import split
from trainer.errors import InputError

_COURSE_NAMES = ("background", "soil", "bedrock", "sand", "big rock")


@dataclass(frozen=True)
class Dataset:
    """Images with masks after cleaning, split into training and validation. Indices are of the remaining images."""

    images: Pixels  # (N, H, W, C), C = 1 or 3, 0..255
    masks: Pixels  # (N, H, W), labels 0..classes-1 or `ignore`
    groups: Groups | None  # (N,), such as the place where an image was taken; a group is never split
    train: Indices  # ascending
    validation: Indices  # ascending
    test_images: Pixels  # (T, H, W, C), T may be 0
    test_names: tuple[str, ...]  # T of them
    classes: int
    names: tuple[str, ...]  # one for each class
    ignore: int | None  # ignore label: its pixels are not scored; from `classes` on it is no class
    fingerprint: str  # sha256 of images, masks and groups before cleaning
    dropped: tuple[DroppedImage, ...]


@dataclass(frozen=True)
class Sources:
    """The data that the configuration names, before cleaning; the images of a validation file come last."""

    raw: RawData
    validation_start: int | None  # index of the validation file's first image; None without such a file


def open_dataset(config: DataConfig) -> Dataset:
    """Reads, checks, cleans and splits the data. Raises InputError if they are unusable."""
    return build_dataset(read_sources(config), config)


def read_sources(config: DataConfig) -> Sources:
    """Reads the data, and the validation data after them if they have a file of their own. Raises InputError."""
    raw = read_file(config.path, config)
    if isinstance(config.validation, float):
        return Sources(raw, None)
    other = read_file(config.validation, config)
    if other.images.shape[1:] != raw.images.shape[1:]:
        raise InputError(
            f"validation images must have the training images' shape; got {other.images.shape[1:]} and "
            f"{raw.images.shape[1:]}; set data.resize"
        )
    both_grouped = raw.groups is not None and other.groups is not None
    return Sources(
        RawData(
            images=np.concatenate([raw.images, other.images]),
            masks=np.concatenate([raw.masks, other.masks]),
            groups=np.concatenate([raw.groups, other.groups]) if both_grouped else None,
            test_images=raw.test_images,
            test_names=raw.test_names,
        ),
        len(raw.images),
    )


def read_file(path: str | None, config: DataConfig) -> RawData:
    """Reads one file or folder at the configured size and checks its labels. Raises InputError."""
    if path is None:
        raise InputError("data.path must name an npz file or a folder; got none; set it or give --data")
    return read_data(path, config.classes, config.ignore, config.resize)


def drop_corrupt(raw: RawData, config: DataConfig) -> tuple[RawData, tuple[DroppedImage, ...]]:
    """The data without corrupt images, and those images; the data unchanged if `config.clean` is false."""
    dropped = find_corrupt(raw.images, raw.masks, config.ignore, config.classes) if config.clean else ()
    if not dropped:
        return raw, ()
    remaining = _remaining(len(raw.images), dropped)
    groups = None if raw.groups is None else raw.groups[remaining]
    return replace(raw, images=raw.images[remaining], masks=raw.masks[remaining], groups=groups), dropped


def _remaining(count: int, dropped: tuple[DroppedImage, ...]) -> Indices:
    """Indices of the images that were not dropped, among `count`."""
    return np.setdiff1d(np.arange(count), [image.index for image in dropped])


@within_memory()
def build_dataset(sources: Sources, config: DataConfig) -> Dataset:
    """Cleans and splits data that were read. Raises InputError where a side would have no image."""
    raw, dropped = drop_corrupt(sources.raw, config)
    if sources.validation_start is None:
        assert isinstance(config.validation, float)
        train, validation = split(raw.masks, raw.groups, raw.images, config.classes, config.ignore, config.validation)
    else:
        remaining = _remaining(len(sources.raw.images), dropped)
        train = np.flatnonzero(remaining < sources.validation_start)
        validation = np.flatnonzero(remaining >= sources.validation_start)
        if len(train) == 0 or len(validation) == 0:
            raise InputError(
                f"training and validation must have images after cleaning; got {len(train)} and {len(validation)}; "
                "set data.clean to false"
            )
    return Dataset(
        images=raw.images,
        masks=raw.masks,
        groups=raw.groups,
        train=_subsample(train, config.limit),
        validation=validation,
        test_images=raw.test_images,
        test_names=raw.test_names,
        classes=config.classes,
        names=class_names(config),
        ignore=config.ignore,
        fingerprint=fingerprint(sources.raw),
        dropped=dropped,
    )


def class_names(config: DataConfig) -> tuple[str, ...]:
    """The configured names of the classes; without any, the course's for data like its own, else their numbers."""
    if config.names:
        return config.names
    if config.classes == len(_COURSE_NAMES) and config.ignore == 0:
        return _COURSE_NAMES
    return tuple(str(label) for label in range(config.classes))


def fingerprint(raw: RawData) -> str:
    """sha256 of shapes, dtypes and content of images, masks and groups: equal for equal data in any file format."""
    digest = sha256()
    for array in (raw.images, raw.masks):
        digest.update(f"{array.shape} {array.dtype.name};".encode())
        digest.update(np.ascontiguousarray(array).data)
    for group in () if raw.groups is None else raw.groups:
        # With the length in front, so that different lists of names have different bytes.
        name = str(group).encode("utf-8", "surrogatepass")
        digest.update(f"{len(name)}:".encode() + name)
    return digest.hexdigest()


def _subsample(indices: Indices, limit: int | None) -> Indices:
    """At most `limit` of the indices, evenly spaced."""
    if limit is None or limit >= len(indices):
        return indices
    return indices[np.arange(limit) * len(indices) // limit]
