"""A data set in memory, checked, cleaned and split."""

from dataclasses import dataclass, replace
from hashlib import sha256

import numpy as np

from trainer.config import DataConfig
from trainer.data.clean import Dropped, find_corrupt
from trainer.data.pixels import Groups, Indices, Pixels, class_shares
from trainer.data.raw import RawData, within_memory
from trainer.data.read import read_data
from trainer.data.split import split
from trainer.errors import InputError

__all__ = ["Dataset", "Dropped", "Indices", "Pixels", "class_shares", "open_dataset"]

_COURSE_NAMES = ("background", "soil", "bedrock", "sand", "big rock")


@dataclass(frozen=True)
class Dataset:
    """Images with masks, split into training and validation. Cleaning is done; indices count kept images."""

    images: Pixels  # (N, H, W, C), C = 1 or 3, 0..255
    masks: Pixels  # (N, H, W), labels 0..classes-1, or `ignore`
    groups: Groups | None  # (N,), such as the place where an image was taken
    train: Indices  # ascending
    validation: Indices  # ascending
    test_images: Pixels  # (T, H, W, C), T may be 0
    test_names: tuple[str, ...]  # T of them
    classes: int
    names: tuple[str, ...]  # one a class
    ignore: int | None  # the label of pixels that are not scored; at or above `classes` it is no class at all
    fingerprint: str  # sha256 of images, masks and groups before cleaning
    dropped: tuple[Dropped, ...]


@dataclass(frozen=True)
class Sources:
    """What the configuration names, read and before cleaning; a validation file's images come last."""

    raw: RawData
    validation_from: int | None  # the first image of the validation file, where there is one


def open_dataset(config: DataConfig) -> Dataset:
    """Reads, checks, cleans and splits the data; anything unusable is an `InputError`."""
    return build_dataset(read_sources(config), config)


def read_sources(config: DataConfig) -> Sources:
    """The data file, and the validation file after it where there is one."""
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
    """One file or folder, read as the configuration says."""
    if path is None:
        raise InputError("data.path must name an npz file or a folder; got none; set it or give --data")
    return read_data(path, config.classes, config.ignore, config.resize)


def drop_corrupt(raw: RawData, config: DataConfig) -> tuple[RawData, tuple[Dropped, ...]]:
    """The data without corrupt images, where the configuration asks for that, and what was dropped."""
    dropped = find_corrupt(raw.images, raw.masks, config.ignore, config.classes) if config.clean else ()
    if not dropped:
        return raw, ()
    kept = _kept(len(raw.images), dropped)
    groups = None if raw.groups is None else raw.groups[kept]
    return replace(raw, images=raw.images[kept], masks=raw.masks[kept], groups=groups), dropped


def _kept(count: int, dropped: tuple[Dropped, ...]) -> Indices:
    return np.setdiff1d(np.arange(count), [image.index for image in dropped])


@within_memory()
def build_dataset(sources: Sources, config: DataConfig) -> Dataset:
    """Cleans and splits what was read."""
    raw, dropped = drop_corrupt(sources.raw, config)
    if sources.validation_from is None:
        assert isinstance(config.validation, float)
        train, validation = split(raw.masks, raw.groups, raw.images, config.classes, config.ignore, config.validation)
    else:
        kept = _kept(len(sources.raw.images), dropped)
        train = np.flatnonzero(kept < sources.validation_from)
        validation = np.flatnonzero(kept >= sources.validation_from)
        if len(train) == 0 or len(validation) == 0:
            raise InputError(
                f"training and validation must have images after cleaning; got {len(train)} and {len(validation)}; "
                "set data.clean to false"
            )
    return Dataset(
        images=raw.images,
        masks=raw.masks,
        groups=raw.groups,
        train=_spread(train, config.limit),
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
    """The configured names; without any the course's for its classes, else numbers."""
    if config.names:
        return config.names
    if config.classes == len(_COURSE_NAMES) and config.ignore == 0:
        return _COURSE_NAMES
    return tuple(str(label) for label in range(config.classes))


def fingerprint(raw: RawData) -> str:
    """sha256 over shapes, dtypes and content of images, masks and groups: the same for the same data in any file."""
    digest = sha256()
    for array in (raw.images, raw.masks):
        digest.update(f"{array.shape} {array.dtype.name};".encode())
        digest.update(np.ascontiguousarray(array).data)
    for group in () if raw.groups is None else raw.groups:
        # the length in front, so that no two lists of names give the same bytes
        name = str(group).encode("utf-8", "surrogatepass")
        digest.update(f"{len(name)}:".encode() + name)
    return digest.hexdigest()


def _spread(indices: Indices, limit: int | None) -> Indices:
    """At most `limit` of the indices, evenly apart."""
    if limit is None or limit >= len(indices):
        return indices
    return indices[np.arange(limit) * len(indices) // limit]
