"""Training batches: the order of the images, their copies, and their augmentation.

A batch is a pure function of seed, epoch and index, so training can resume at any epoch, and prefetching in threads
changes nothing.
"""

import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from trainer.config import TrainConfig
from trainer.data.dataset import Dataset
from trainer.data.pixels import Indices, Pixels, count_labels
from trainer.pipeline.augment import Augment, make_augment
from trainer.pipeline.mix import make_mix

Batch = tuple[Pixels, Pixels]  # images (B, H, W, C), masks (B, H, W)
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
        views = self._views[order[index * self.size : (index + 1) * self.size]]
        images, masks = self._dataset.images[views[:, 0]], self._dataset.masks[views[:, 0]]
        match self._config.augment.mode:
            case "none":
                return images, masks
            case "dynamic":
                return self._transform(images, masks, derive_seed(self._config.seed, epoch, index))
            case "static":
                return self._transform_copies(images, masks, views)

    def _transform_copies(self, images: Pixels, masks: Pixels, views: Indices) -> Batch:
        """Copy 0 is the image itself; every other copy has a seed of its own and is the same in each epoch."""
        images, masks = images.copy(), masks.copy()
        for position, (image, copy) in enumerate(views):
            if copy:
                seed = derive_seed(self._config.seed, int(image), int(copy))
                one = self._transform(images[position : position + 1], masks[position : position + 1], seed)
                images[position], masks[position] = one[0][0], one[1][0]
        return images, masks

    def _transform(self, images: Pixels, masks: Pixels, seed: int) -> Batch:
        if self._mix is not None:
            images, masks = self._mix(images, masks, seed)
        return self._augment()(images, masks, seed)

    def _augment(self) -> Augment:
        """The pipeline of this thread, since a pipeline has a random generator as state."""
        if not hasattr(self._thread, "augment"):
            shape = self._dataset.images.shape[1:]
            self._thread.augment = make_augment(self._config.augment, (shape[0], shape[1], shape[2]))
        augment: Augment = self._thread.augment
        return augment


def list_views(config: TrainConfig, dataset: Dataset) -> Indices:
    """All views that an epoch shows once, (V, 2): index of the image, and number of its copy from 0."""
    copies = {"none": 1, "dynamic": config.augment.copies, "static": config.augment.copies + 1}[config.augment.mode]
    images = dataset.train
    if config.data.oversample > 1:
        label = oversampled_class(config, dataset)
        has_class = (dataset.masks[images] == label).any((1, 2))
        images = np.repeat(images, np.where(has_class, config.data.oversample, 1))
    return np.stack([np.repeat(images, copies), np.tile(np.arange(copies), len(images))], 1)


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
    return np.asarray(count_labels(dataset.masks[dataset.train]).sum(axis=0)[: dataset.classes], np.int64)


def derive_seed(*parts: int) -> int:
    """A 32-bit seed from whole numbers (NumPy's SeedSequence); different tuples rarely have the same seed."""
    return int(np.random.SeedSequence(parts).generate_state(1)[0])
