"""Training batches: the order of the images, their patches and copies, and their augmentation.

A batch is a pure function of seed and step, so training can resume at any epoch, and prefetching in threads changes
nothing.
"""

import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.config import TrainConfig
from trainer.data.dataset import Dataset
from trainer.data.pixels import Indices, Pixels
from trainer.data.threads import count_threads
from trainer.pipeline.augment import Augment, make_augment
from trainer.pipeline.budget import count_steps
from trainer.pipeline.mix import make_mix
from trainer.pipeline.patches import Patch, count_patches, draw_patch

Batch = tuple[NDArray[Any], Pixels]  # images (B, H, W, C) of uint8 or float32, 0..255; masks (B, H, W)
PREFETCH = 4  # batches prepared in advance
SAMPLE_VIEWS, SAMPLE_PIXELS = 1000, 2**27  # in which classes are counted, where views are drawn


class Batches:
    """The training side of a data set in full batches, numbered over the whole training.

    The views are shuffled anew each time that all of them were shown; a batch may hold the last of one round and the
    first of the next.
    """

    def __init__(self, config: TrainConfig, dataset: Dataset) -> None:
        self.config, self.dataset = config, dataset
        self._views = list_views(config, dataset)
        self._mix = make_mix(config.augment, dataset, oversampled_class(config, dataset))
        self.size = config.optimizer.batch_size
        self.steps = count_steps(config, len(self._views))  # of the whole training
        self._order = lru_cache(2)(self._shuffle)
        self._thread = threading.local()

    @property
    def views(self) -> int:
        """How many views there are, each repetition of an oversampled image counted."""
        return len(self._views)

    @property
    def bytes(self) -> int:
        """The most bytes that a batch takes."""
        height, width, channels = self.dataset.shape
        return self.size * height * width * (channels * np.dtype(np.float32).itemsize + 1)

    def start(self, epoch: int) -> int:
        """The step, from 0, with which an epoch, from 0, begins."""
        return epoch * self.steps // self.config.budget.epochs

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """The batches of an epoch (from 0) in their order, prepared in advance by threads."""
        threads = min(PREFETCH, max(2, count_threads()))
        with ThreadPoolExecutor(threads, thread_name_prefix="batches") as pool:
            pending: deque[Future[Batch]] = deque()
            try:
                for step in range(self.start(epoch), self.start(epoch + 1)):
                    pending.append(pool.submit(self.batch, step))
                    if len(pending) > PREFETCH:
                        yield pending.popleft().result()
                while pending:
                    yield pending.popleft().result()
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    def batch(self, step: int) -> Batch:
        """The batch of a step, from 0; without the transforms where the device does them."""
        if self.config.augment.mode == "static":
            return _stack([self._static_view(view, transforms=True) for view in self._select(step)])
        images, masks = self._mixed(step)
        if self.config.augment.mode == "none" or self.config.augment.where == "device":
            return images, masks
        return self._augment()(images, masks, self.seed(step))

    def seed(self, step: int) -> int:
        """The seed of a step's transforms, of 32 bits."""
        return derive_seed(self.config.seed, step)

    def count_seen(self) -> NDArray[np.int64]:
        """Pixels of each class, (C,), as training shows them: oversampled, in patches, with what is pasted in.

        They are counted in all views. Where views must be drawn, each is drawn once, in small data until there are
        SAMPLE_VIEWS; only the first SAMPLE_PIXELS count. What the transforms change of them is not counted.
        """
        dataset, static = self.dataset, self.config.augment.mode == "static"
        if self._mix is None and all(dataset.masks[image].shape == dataset.shape[:2] for image in dataset.train):
            return np.asarray(dataset.counts[self._views[:, 0]].sum(axis=0)[: dataset.classes], np.int64)
        most = max(1, SAMPLE_PIXELS // (dataset.shape[0] * dataset.shape[1]))
        views = min(max(len(self._views), SAMPLE_VIEWS), most)
        seen = np.zeros(256, np.int64)
        for step in range(-(-views // self.size)):
            drawn = [self._static_view(view) for view in self._select(step)] if static else [self._mixed(step)]
            for _, masks in drawn:
                seen += np.bincount(masks.ravel(), minlength=256)
        return seen[: dataset.classes]

    def _shuffle(self, turn: int) -> NDArray[np.int64]:
        """The order in which all views are shown for the `turn`-th time, from 0."""
        return np.random.default_rng([self.config.seed, turn]).permutation(len(self._views))

    def _select(self, step: int) -> list[list[int]]:
        """The views of a step: image, copy and patch of each."""
        positions = np.arange(step * self.size, (step + 1) * self.size)
        turns, within = np.divmod(positions, len(self._views))
        chosen = [self._order(turn)[place] for turn, place in zip(turns.tolist(), within.tolist(), strict=True)]
        selected: list[list[int]] = self._views[chosen].tolist()
        return selected

    def _mixed(self, step: int) -> Batch:
        """The batch of a step before its transforms."""
        selected = enumerate(self._select(step))
        images, masks = _stack([self._patch(view[0], (step, at), step * self.size + at) for at, view in selected])
        return self._insert(images, masks, derive_seed(self.config.seed, step))

    def _patch(self, image: int, place: tuple[int, ...], turn: int) -> Patch:
        seed, share = (self.config.seed, *place), self.config.data.patch_classes
        return draw_patch(self.dataset, image, seed, turn, share)

    def _static_view(self, view: list[int], transforms: bool = False) -> Patch:
        """Copy 0 of a patch is not changed; every other copy has a seed of its own, the same whenever it is shown."""
        image, copy, patch = view
        pixels, mask = self._patch(image, (image, copy, patch), copy + patch)
        if not copy:
            return pixels, mask
        seed = derive_seed(self.config.seed, image, copy, patch)
        images, masks = self._insert(pixels[None], mask[None], seed)
        if transforms:
            images, masks = self._augment()(images, masks, seed)
        return images[0], masks[0]

    def _insert(self, images: NDArray[Any], masks: Pixels, seed: int) -> Batch:
        return (images, masks) if self._mix is None else self._mix(images, masks, seed)

    def _augment(self) -> Augment:
        """The pipeline of this thread, since a pipeline has a random generator as state."""
        if not hasattr(self._thread, "augment"):
            self._thread.augment = make_augment(self.config.augment, self.dataset.shape)
        augment: Augment = self._thread.augment
        return augment


def _stack(patches: list[Patch]) -> Batch:
    return np.stack([pixels for pixels, _ in patches]), np.stack([mask for _, mask in patches])


def list_views(config: TrainConfig, dataset: Dataset) -> Indices:
    """All views, (V, 3): index of the image, and numbers of its copy and patch, from 0. No two are equal."""
    copies = {"none": 1, "dynamic": config.augment.copies, "static": config.augment.copies + 1}[config.augment.mode]
    images = dataset.train
    repeats = np.ones(len(images), np.int64)
    if config.data.oversample > 1:
        repeats[dataset.counts[images, oversampled_class(config, dataset)] > 0] = config.data.oversample
    patches = count_patches(dataset, images)
    views = repeats * copies * patches  # of each image
    within = np.arange(views.sum()) - np.repeat(views.cumsum() - views, views)
    return np.stack([np.repeat(images, views), *np.divmod(within, np.repeat(patches, views))], axis=1)


def oversampled_class(config: TrainConfig, dataset: Dataset) -> int:
    """The configured class, or else the scored class with the fewest training pixels, but at least one."""
    if config.data.oversample_class is not None:
        return config.data.oversample_class
    pixels = count_pixels(dataset)
    if dataset.ignore is not None and dataset.ignore < dataset.classes:
        pixels[dataset.ignore] = 0
    return int(np.where(pixels > 0, pixels, np.iinfo(np.int64).max).argmin())


def count_pixels(dataset: Dataset) -> NDArray[np.int64]:
    """Number of training pixels of each class, (C,)."""
    return np.asarray(dataset.counts[dataset.train].sum(axis=0)[: dataset.classes], np.int64)


def derive_seed(*parts: int) -> int:
    """A 32-bit seed from whole numbers (NumPy's SeedSequence). Zeros at the end change nothing, others rarely agree."""
    return int(np.random.SeedSequence(parts).generate_state(1)[0])
