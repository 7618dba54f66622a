"""The report's way: a Python generator that calls Albumentations image by image, `model.fit`, `MeanIoU`."""

from collections.abc import Iterator
from math import ceil
from typing import Any

import albumentations as A
import keras
import numpy as np

from benchmarks.speed.rows import find_row, open_row
from benchmarks.speed.turns import Job, Turns
from trainer.config import TrainConfig
from trainer.data.dataset import Dataset
from trainer.model.unet import build_networks
from trainer.pipeline.augment import transforms
from trainer.pipeline.batches import list_views
from trainer.pipeline.patches import draw_patch

FEWER = 3  # a slice would take too long otherwise


def fit_generator(job: Job, turn: Turns) -> None:
    """The row's network, trained so; the same transforms, but no CutMix and no pasted regions. It takes fewer steps."""
    config, dataset = open_row(find_row(job.row), job.folder, job.steps, job.rounds)
    model, _ = build_networks(config.model, dataset.shape, dataset.classes)
    model.compile(
        keras.optimizers.AdamW(config.optimizer.learning_rate, weight_decay=config.optimizer.weight_decay),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=dataset.ignore),
        metrics=[keras.metrics.MeanIoU(dataset.classes, ignore_class=dataset.ignore, sparse_y_pred=False)],
    )
    batches, steps = generate(config, dataset), ceil(job.steps / FEWER)
    model.fit(batches, steps_per_epoch=2, verbose=0)
    turn.ready(parameters=int(model.count_params()))
    while True:
        model.fit(batches, steps_per_epoch=steps, verbose=0)
        turn.done(steps * config.optimizer.batch_size)


def generate(config: TrainConfig, dataset: Dataset) -> Iterator[tuple[Any, Any]]:
    """Batches of images and masks without end, in a new order each time that all were shown."""
    pipeline = A.Compose(transforms(config.augment, dataset.shape))
    views, random = list_views(config, dataset), np.random.default_rng(config.seed)
    images, masks, turn = [], [], 0
    while True:
        for image, _, _ in random.permutation(views).tolist():
            pixels, mask = draw_patch(dataset, image, (config.seed, turn), turn, config.data.patch_classes)
            changed = pipeline(image=pixels, mask=mask)
            images.append(changed["image"])
            masks.append(changed["mask"])
            turn += 1
            if len(images) == config.optimizer.batch_size:
                yield np.stack(images), np.stack(masks)
                images, masks = [], []
