"""Training batches: the order of the images, their patches and copies, and their augmentation.

A batch is a pure function of seed, epoch and index, so training can resume at any epoch, and prefetching in threads
changes nothing.
"""

import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.config import TrainConfig
from trainer.data.dataset import Dataset
from trainer.data.pixels import Indices, Pixels
from trainer.pipeline.augment import Augment, make_augment
from trainer.pipeline.mix import make_mix
from trainer.pipeline.patches import Patch, count_patches, draw_patch

Batch = tuple[NDArray[Any], Pixels]  # images (B, H, W, C) of uint8 or float32, 0..255; masks (B, H, W)
PREFETCH = 4  # batches prepared in advance
THREADS = 2


class Batches:
    """The training side of a data set in full batches; an epoch's first images fill up its last batch."""

    def __init__(self, config: TrainConfig, dataset: Dataset) -> None:
        self._config, self._dataset = config, dataset
        self._views = list_views(config, dataset)
        self._mix = make_mix(config.augment, dataset, oversampled_class(config, dataset))
        self.images = config.budget.images or len(self._views)  # in an epoch
        self.size = config.optimizer.batch_size
        self.steps = -(-self.images // self.size)
        self._thread = threading.local()

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """The batches of an epoch (from 0) in their order, prepared in advance by threads."""
        order = self.order(epoch)
        with ThreadPoolExecutor(THREADS, thread_name_prefix="batches") as pool:
            pending: deque[Future[Batch]] = deque()
            try:
                for index in range(self.steps):
                    pending.append(pool.submit(self.batch, epoch, index, order))
                    if len(pending) > PREFETCH:
                        yield pending.popleft().result()
                while pending:
                    yield pending.popleft().result()
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    def order(self, epoch: int) -> NDArray[np.int64]:
        """Positions in the list of views, (steps * size,), shuffled; every view occurs about equally often."""
        generator = np.random.default_rng([self._config.seed, epoch])
        needed = self.images
        rounds = [generator.permutation(len(self._views)) for _ in range(-(-needed // len(self._views)))]
        order = np.concatenate(rounds)[:needed]
        return np.resize(order, self.steps * self.size)

    def batch(self, epoch: int, index: int, order: NDArray[np.int64] | None = None) -> Batch:
        """One batch of an epoch, both counted from 0; `order` is the epoch's order if the caller has it already."""
        order = self.order(epoch) if order is None else order
        start = index * self.size
        views = self._views[order[start : start + self.size]]
        if self._config.augment.mode == "static":
            return _stack([self._static_view(view) for view in views.tolist()])
        patches = [self._patch(view[0], (epoch, at), at) for at, view in enumerate(views.tolist(), start)]
        if self._config.augment.mode == "none":
            return _stack(patches)
        return self._transform(*_stack(patches), derive_seed(self._config.seed, epoch, index))

    def _patch(self, image: int, place: tuple[int, ...], turn: int) -> Patch:
        seed, share = (self._config.seed, *place), self._config.data.patch_classes
        return draw_patch(self._dataset, image, seed, turn, share)

    def _static_view(self, view: list[int]) -> Patch:
        """Copy 0 of a patch is not transformed; every other copy has a seed of its own, the same in each epoch."""
        image, copy, patch = view
        pixels, mask = self._patch(image, (image, copy, patch), copy + patch)
        if not copy:
            return pixels, mask
        images, masks = self._transform(pixels[None], mask[None], derive_seed(self._config.seed, image, copy, patch))
        return images[0], masks[0]

    def _transform(self, images: NDArray[Any], masks: Pixels, seed: int) -> Batch:
        if self._mix is not None:
            images, masks = self._mix(images, masks, seed)
        return self._augment()(images, masks, seed)

    def _augment(self) -> Augment:
        """The pipeline of this thread, since a pipeline has a random generator as state."""
        if not hasattr(self._thread, "augment"):
            self._thread.augment = make_augment(self._config.augment, self._dataset.shape)
        augment: Augment = self._thread.augment
        return augment


def _stack(patches: list[Patch]) -> Batch:
    return np.stack([pixels for pixels, _ in patches]), np.stack([mask for _, mask in patches])


def list_views(config: TrainConfig, dataset: Dataset) -> Indices:
    """All views that an epoch shows once, (V, 3): index of the image, and numbers of its copy and patch, from 0."""
    copies = {"none": 1, "dynamic": config.augment.copies, "static": config.augment.copies + 1}[config.augment.mode]
    images = dataset.train
    if config.data.oversample > 1:
        has_class = dataset.counts[images, oversampled_class(config, dataset)] > 0
        images = np.repeat(images, np.where(has_class, config.data.oversample, 1))
    patches = count_patches(dataset, images)
    shown = np.repeat(images, patches)
    numbers = np.concatenate([np.arange(count) for count in patches.tolist()])
    return np.stack([np.repeat(shown, copies), np.tile(np.arange(copies), len(shown)), np.repeat(numbers, copies)], 1)


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
