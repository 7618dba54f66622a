"""A data set that is ready for training: a decoded copy, and which of its images train and which validate."""

import atexit
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.config import DataConfig
from trainer.data.cache.copy import DecodedCopy, Table, open_copy
from trainer.data.cache.decode import decode
from trainer.data.cache.folder import find_or_make, recall
from trainer.data.cache.key import archive_stamps, digest_of, source_digest
from trainer.data.cache.shared import SharedCopy, find_shared, local_key
from trainer.data.clean import DroppedImage, find_corrupt
from trainer.data.folds import choose_fold
from trainer.data.item import Item, Source
from trainer.data.layout.discover import find_source
from trainer.data.memory import within_memory
from trainer.data.pixels import Groups, Images, Indices, Masks
from trainer.data.progress import Progress, no_progress
from trainer.data.split import split
from trainer.errors import InputError


@dataclass(frozen=True)
class Dataset:
    """N labelled images with masks. Indices are of these images; corrupt ones are on neither side."""

    images: Images  # (H, W, C) each, 0..255; uint8, or float16 where the files have more than 8 bits
    masks: Masks  # (H, W) each: classes, or `ignore`
    image_names: tuple[str, ...]
    groups: Groups | None  # (N,), such as the place where an image was taken; a group is never split
    train: Indices  # ascending
    validation: Indices  # ascending; empty only where everything is to be trained on
    classes: int
    names: tuple[str, ...]  # one for each class
    ignore: int | None  # ignore label: its pixels are not scored; from `classes` on it is no class
    fingerprint: str  # sha256 of images, masks and groups
    dropped: tuple[DroppedImage, ...]
    table: Table  # what is known of the images without looking at their pixels
    shape: tuple[int, int, int]  # (H, W, C) that a network sees at a time: a patch, or a whole image
    tests: int = 0  # number of test images, which `predict` reads
    official: int | None = None  # index of the first image of an official validation part, which come last
    folder: Path | None = None  # of the decoded copy; None for arrays in memory

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled: no arrays of the decoded copy, which the other process is to map itself."""
        mapped = ("images", "masks", "table") if self.folder else ()
        return {name: value for name, value in vars(self).items() if name not in mapped}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Maps the decoded copy again."""
        vars(self).update(state)
        if self.folder:
            copy = open_copy(self.folder)
            vars(self).update(images=copy.images, masks=copy.masks, table=copy.table)

    @property
    def counts(self) -> NDArray[np.uint32]:
        """Pixels of each label in each image: (N, 256)."""
        return self.table.counts

    @property
    def places(self) -> NDArray[np.int32]:
        """Rows and columns of some pixels of each class: (N, C, PLACES, 2); -1 where the image has none."""
        return self.table.places

    @property
    def kept(self) -> Indices:
        """The images that were not dropped."""
        return _remaining(len(self.images), self.dropped)


@dataclass(frozen=True)
class _Outline:
    """What is known of labelled data without their arrays; plain values, so that it can be kept."""

    key: str  # of the decoded copy
    names: list[str]
    groups: list[str] | None
    official: int | None  # index of the first image of an official validation part, which come last
    tests: int


def open_dataset(config: DataConfig, cache: Path | None = None, progress: Progress = no_progress) -> Dataset:
    """Opens the data of a configuration in which nothing is left to be found; see `trainer.data.prepare`.

    They are decoded if they are not yet. Raises InputError if they are unusable.

    Args:
        config: the data.
        cache: folder of decoded copies; a temporary one, removed with the process, when missing.
        progress: told how far decoding is.
    """
    if (shared := find_shared(config)) is not None:
        return _open_shared(*shared, config, cache)
    stamps = archive_stamps(config)
    if cache is None or stamps is None:
        return open_source(find_source(config), config, cache, progress)
    key = f"{digest_of({'files': stamps, 'config': config.model_dump(mode='json')})}-outline"
    kept = recall(cache, key, lambda: asdict(_outline(find_source(config), config)))
    return _open(_Outline(**kept), lambda: find_source(config), config, cache, progress)


def open_source(source: Source, config: DataConfig, cache: Path | None, progress: Progress = no_progress) -> Dataset:
    """As `open_dataset`, for data that were found already."""
    return _open(_outline(source, config), lambda: source, config, cache, progress)


def _outline(source: Source, config: DataConfig) -> _Outline:
    items = _labelled(source)
    groups = [item.group for item in items if item.group is not None]
    train = len(source.side("train"))
    return _Outline(
        key=source_digest(source, config),
        names=[item.name for item in items],
        groups=groups if len(groups) == len(items) else None,
        official=None if train == len(items) else train,
        tests=len(source.side("test")),
    )


def _labelled(source: Source) -> tuple[Item, ...]:
    items = (*source.side("train"), *source.side("validation"))
    for item in items:
        if item.mask is None:
            raise InputError(f"every image must have a mask; got none for {item.image}; add one, or leave it out")
    return items


@within_memory()
def _open_shared(folder: Path, shared: SharedCopy, config: DataConfig, cache: Path | None) -> Dataset:
    """Opens a shared copy that has arrived on this host."""
    outline = _Outline(local_key(shared.name), shared.names, shared.groups, shared.official, shared.tests)
    return _split_copy(folder, outline, config, cache)


@within_memory()
def _open(
    outline: _Outline, find: Callable[[], Source], config: DataConfig, cache: Path | None, progress: Progress
) -> Dataset:
    """Opens the decoded copy, which is made of what `find` returns where it is missing."""
    folder = cache or _temporary_folder()
    made = find_or_make(folder, outline.key, lambda partial: decode(_labelled(find()), config, partial, progress))
    return _split_copy(made, outline, config, cache)


def _split_copy(folder: Path, outline: _Outline, config: DataConfig, cache: Path | None) -> Dataset:
    """The data of a decoded copy in a folder; which image is on which side is kept in the cache."""
    copy = open_copy(folder)
    groups = None if outline.groups is None else np.array(outline.groups, np.str_)
    asked: dict[str, Any] = {"clean": config.clean, "share": config.validation, "official": outline.official}
    asked |= {} if config.fold is None else {"fold": config.fold}
    sides = recall(
        cache,
        f"{outline.key}-{digest_of(asked)[:8]}",
        lambda: _choose_sides(copy, groups, config, outline.official),
    )
    return Dataset(
        images=copy.images,
        masks=copy.masks,
        image_names=tuple(outline.names),
        groups=groups,
        train=_subsample(np.array(sides["train"], np.int64), config.limit),
        validation=np.array(sides["validation"], np.int64),
        classes=config.class_count,
        names=class_names(config),
        ignore=config.ignored_label,
        fingerprint=copy.fingerprint,
        dropped=tuple(DroppedImage(int(index), reason) for index, reason in sides["dropped"]),
        table=copy.table,
        shape=network_shape(copy.table.sizes, config),
        tests=outline.tests,
        official=outline.official,
        folder=folder,
    )


def _temporary_folder() -> Path:
    """A new folder, which is removed when the process ends."""
    folder = Path(mkdtemp(prefix="unet-search-data-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _choose_sides(copy: DecodedCopy, groups: Groups | None, config: DataConfig, official: int | None) -> dict[str, Any]:
    """Dropped images, and indices of both sides, as plain values; `official` is the first official validation image."""
    dropped = find_corrupt(copy, config.ignored_label, config.class_count) if config.clean else ()
    remaining = _remaining(len(copy.images), dropped)
    if official is not None and config.fold is None:
        train, validation = remaining[remaining < official], remaining[remaining >= official]
    else:
        keys = (_image_keys(copy.table) if groups is None else groups)[remaining]
        counts = np.asarray(copy.table.counts[remaining])
        if config.fold is not None:
            sides = choose_fold(counts, keys, config.class_count, config.ignored_label, config.fold)
        else:
            assert isinstance(config.validation, float)
            sides = split(counts, keys, config.class_count, config.ignored_label, config.validation)
        train, validation = (remaining[side] for side in sides)
    if len(train) == 0 or len(validation) == 0:
        raise InputError(
            f"training and validation must have images after cleaning; got {len(train)} and {len(validation)}; "
            "set data.clean to false"
        )
    return {
        "dropped": [[image.index, image.reason] for image in dropped],
        "train": train.tolist(),
        "validation": validation.tolist(),
    }


def _image_keys(table: Table) -> Groups:
    """A text for each image, equal for equal ones: (N,)."""
    return np.array([digest.tobytes().hex() for digest in table.image_digests], np.str_)


def _remaining(count: int, dropped: tuple[DroppedImage, ...]) -> Indices:
    """Indices of the images that were not dropped, among `count`."""
    return np.setdiff1d(np.arange(count), [image.index for image in dropped])


def network_shape(sizes: NDArray[np.int32], config: DataConfig) -> tuple[int, int, int]:
    """(H, W, C) that a network sees at a time: the patch, or the one size (N, 3) of all images. Raises InputError."""
    assert config.patch != "auto"
    if config.patch is None and (sizes != sizes[:1]).any():
        first, other = sizes[0], sizes[int((sizes != sizes[:1]).any(axis=1).argmax())]
        raise InputError(
            f"whole images must have one size; got {first[0]}x{first[1]} and {other[0]}x{other[1]}; "
            'set data.resize, or data.patch to "auto"'
        )
    height, width = config.patch or (int(sizes[0, 0]), int(sizes[0, 1]))
    return height, width, int(sizes[0, 2])


def class_names(config: DataConfig) -> tuple[str, ...]:
    """The configured names of the classes; without any their numbers."""
    return config.names or tuple(str(label) for label in range(config.class_count))


def _subsample(indices: Indices, limit: int | None) -> Indices:
    """At most `limit` of the indices, evenly spaced."""
    if limit is None or limit >= len(indices):
        return indices
    return indices[np.arange(limit) * len(indices) // limit]
