"""The validation side, counted by groups of images, so that an interval can be given for a score."""

from collections.abc import Callable

import keras
import numpy as np

from trainer.data.dataset import Dataset
from trainer.data.pixels import Indices
from trainer.model.confusion import make_counter
from trainer.model.predict import predict_images
from trainer.training.metrics import Matrix, count_confusion

MOST_BLOCKS = 64  # of images that are counted together

Validate = Callable[[Callable[[], object]], Matrix]


def make_validate(network: keras.Model, dataset: Dataset, overlap: float = 0.5) -> Validate:
    """Returns `validate(before_batch)`: the confusion matrices (B, C, C) of the blocks of the validation side.

    The network's weights may change between two calls. Each image counts in its own size. `before_batch` is called
    before each batch of images or windows; its answer is not used.

    Args:
        network: gives logits of patches of the data set's shape.
        dataset: its validation side; `assign_blocks` tells which image is in which block.
        overlap: of the windows of images larger than the network's.
    """
    blocks = assign_blocks(dataset)
    height, width, _ = dataset.shape
    sizes = [dataset.masks[index].shape for index in dataset.validation]
    counter = (
        make_counter(network, dataset.classes, dataset.ignore, len(sizes))
        if all(rows <= height and columns <= width for rows, columns in sizes)
        else None
    )

    def validate(before_batch: Callable[[], object] = lambda: None) -> Matrix:
        confusion = np.zeros((int(blocks.max(initial=-1)) + 1, dataset.classes, dataset.classes), np.int64)
        images = (dataset.images[index] for index in dataset.validation)
        masks = (dataset.masks[index] for index in dataset.validation)
        if counter is not None:
            counted = counter(images, masks, before_batch)
        else:
            predicted = predict_images(network, images, overlap, before_batch=before_batch)
            counted = (
                count_confusion(mask, found, dataset.classes, dataset.ignore)
                for mask, found in zip(masks, predicted, strict=True)
            )
        for block, matrix in zip(blocks, counted, strict=True):
            confusion[block] += matrix
        return confusion

    return validate


def assign_blocks(dataset: Dataset) -> Indices:
    """The block of each validation image, (V,), from 0: a group, or an image where the data have none.

    Images of one block are not independent. Where there would be more than MOST_BLOCKS, several share one.
    """
    validation = dataset.validation
    if dataset.groups is None:
        return np.arange(len(validation), dtype=np.int64) % MOST_BLOCKS
    numbers = np.unique(np.asarray(dataset.groups)[validation], return_inverse=True)[1]
    return np.asarray(numbers.reshape(-1) % MOST_BLOCKS, np.int64)
