"""Trains one configuration on a data set."""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import keras
import numpy as np

from trainer.config import TrainConfig
from trainer.data.dataset import Dataset
from trainer.errors import DivergedError
from trainer.metric import metric_value
from trainer.model.predict import predict_images
from trainer.model.unet import build_model
from trainer.pipeline.batches import Batches, count_pixels
from trainer.training.checkpoint import Arrays, Checkpoint, CheckpointWriter, load_checkpoint, read_arrays, write_arrays
from trainer.training.losses import class_weights, make_loss
from trainer.training.metrics import Matrix, count_confusion, score
from trainer.training.optimizer import learning_rate, make_optimizer


@dataclass(frozen=True)
class Epoch:
    """Metrics of one epoch; all but the loss are on validation data."""

    epoch: int  # from 1
    loss: float  # of the last batch, penalties included
    value: float  # of `config.metric`, 0..1: what the best epoch has most of; 0 where nothing validates
    miou: float  # these three as in `metrics.Scores`
    miou_keras: float
    iou: tuple[float | None, ...]
    learning_rate: float  # of the last step
    seconds: float  # training and validation


@dataclass(frozen=True)
class Fitted:
    """A trained network with the weights of its best epoch."""

    model: keras.Model  # uncompiled
    config: TrainConfig
    history: tuple[Epoch, ...]
    best: Epoch
    confusion: Matrix  # (C, C) at the best epoch, rows true, columns predicted
    parameters: int
    seconds: float  # of all epochs, validation included
    images_per_second: float  # of training without validation; without the first epoch if there are more
    stopped: Literal["budget", "patience", "caller"]  # why training ended


class Interrupted(Exception):
    """`should_stop` returned True; the checkpoint has the last finished epoch."""


def train(
    config: TrainConfig,
    dataset: Dataset,
    on_epoch: Callable[[Epoch], bool] | None = None,
    checkpoint: Path | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Fitted:
    """Trains one configuration and returns the network with the weights of its best epoch.

    Without validation images the last epoch is the best, and patience does not apply.

    Args:
        config: the training. It ends after `budget.epochs`, or `budget.patience` epochs without a better `metric`.
        dataset: its data, opened with `config.data`.
        on_epoch: called after each epoch; returns whether to continue.
        checkpoint: path of the checkpoint. If the file exists training resumes from it, and `on_epoch` is not called
            again for its epochs. Written once a minute or after each longer epoch, and at an interruption.
        should_stop: called before each batch, those of validation included; after True, `Interrupted` is raised before
            the next training batch.

    Raises:
        InputError: the images or the checkpoint (CheckpointError) do not suit the network.
        DivergedError: the loss is no longer finite.
        Interrupted: `should_stop` returned True.
    """
    run, writer = _Run(config, dataset), CheckpointWriter(checkpoint)
    if checkpoint is not None and checkpoint.exists():
        run.restore(load_checkpoint(checkpoint))
    try:
        while (reason := run.reason_to_stop()) is None:
            epoch = run.advance(should_stop)
            if on_epoch is not None and not on_epoch(epoch):
                return run.finish("caller")
            writer.add(run.snapshot, epoch.seconds)
    except (Interrupted, KeyboardInterrupt, SystemExit):
        writer.save()
        raise
    return run.finish(reason)


class _Run:
    """The state of one training."""

    def __init__(self, config: TrainConfig, dataset: Dataset) -> None:
        keras.utils.set_random_seed(config.seed)
        self.config, self.dataset = config, dataset
        self.batches = Batches(config, dataset)
        dtype: Literal["uint8", "float32"] = "uint8" if dataset.images[0].dtype == np.uint8 else "float32"
        self.model = build_model(config.model, dataset.shape, dataset.classes, config.masked_class, dtype)
        ignore = config.loss_ignore_label
        weights = class_weights(count_pixels(dataset), config.loss, ignore)
        jit = True if keras.backend.backend() == "jax" else config.optimizer.jit_compile
        self.model.compile(make_optimizer(config.optimizer), make_loss(config.loss, weights, ignore), jit_compile=jit)
        self.optimizer = self.model.optimizer  # with mixed_float16 Keras wraps it, to scale the loss
        self.optimizer.build(self.model.trainable_variables)
        self.history: list[Epoch] = []
        self.best_weights: Arrays = []
        self.confusion: Matrix = np.zeros((dataset.classes, dataset.classes), np.int64)
        self.training_s: list[float] = []

    def advance(self, should_stop: Callable[[], bool]) -> Epoch:
        """Trains and validates one epoch."""
        started = time.perf_counter()
        loss, rate = self._train_epoch(should_stop)
        self.training_s.append(time.perf_counter() - started)
        confusion = validate(self.model, self.dataset, self.config.data.overlap, should_stop)
        scores = score(confusion, self.dataset.ignore)
        value = metric_value(self.config.metric, scores.iou, self.dataset.names) if self.validates else 0.0
        seconds = time.perf_counter() - started
        epoch = Epoch(len(self.history) + 1, loss, value, scores.miou, scores.miou_keras, scores.iou, rate, seconds)
        self.history.append(epoch)
        if self.best() is epoch:
            self.best_weights, self.confusion = read_arrays(self.model.weights), confusion
        return epoch

    @property
    def validates(self) -> bool:
        """Whether there are validation images."""
        return len(self.dataset.validation) > 0

    def _train_epoch(self, should_stop: Callable[[], bool]) -> tuple[float, float]:
        """Trains one epoch; returns the last batch's loss and learning rate."""
        done, steps, total = len(self.history), self.batches.steps, self.config.budget.epochs
        scores = [epoch.value for epoch in self.history] if self.validates else []
        self.model.reset_metrics()
        loss = rate = math.nan
        for index, (images, masks) in enumerate(self.batches.epoch(done)):
            if should_stop():
                raise Interrupted
            highest = self.config.optimizer.learning_rate
            rate = learning_rate(self.config.schedule, highest, done * steps + index, steps, total, scores)
            self.optimizer.learning_rate = rate
            loss = float(self.model.train_on_batch(images, masks))  # of this batch alone since Keras 3.15
            if not math.isfinite(loss):
                raise DivergedError(f"the loss must stay finite; got {loss} in epoch {done + 1}, step {index + 1}")
        return loss, rate

    def best(self) -> Epoch:
        """The first epoch with the highest value; without validation the last one."""
        return max(self.history, key=lambda epoch: epoch.value) if self.validates else self.history[-1]

    def reason_to_stop(self) -> Literal["budget", "patience"] | None:
        if len(self.history) >= self.config.budget.epochs:
            return "budget"
        if self.validates and self.history and len(self.history) - self.best().epoch >= self.config.budget.patience:
            return "patience"
        return None

    def snapshot(self) -> Checkpoint:
        variables, moments = read_arrays(self.model.variables), read_arrays(self.optimizer.variables)
        history = [asdict(epoch) for epoch in self.history]
        return Checkpoint(history, self.confusion, self.best_weights, variables, moments)

    def restore(self, checkpoint: Checkpoint) -> None:
        write_arrays(self.model.variables, checkpoint.variables)
        write_arrays(self.optimizer.variables, checkpoint.optimizer)
        # Checkpoints from when mIoU was the only metric have no values.
        self.history = [
            Epoch(**{"value": entry["miou"], **entry, "iou": tuple(entry["iou"])}) for entry in checkpoint.history
        ]
        self.best_weights, self.confusion = checkpoint.best, checkpoint.confusion

    def finish(self, stopped: Literal["budget", "patience", "caller"]) -> Fitted:
        write_arrays(self.model.weights, self.best_weights)
        model = keras.Model(self.model.inputs[0], self.model.outputs[0], name=self.model.name)
        measured = self.training_s[1:] or self.training_s
        return Fitted(
            model=model,
            config=self.config,
            history=tuple(self.history),
            best=self.best(),
            confusion=self.confusion,
            parameters=int(model.count_params()),
            seconds=sum(epoch.seconds for epoch in self.history),
            images_per_second=len(measured) * self.batches.steps * self.batches.size / (sum(measured) or math.inf),
            stopped=stopped,
        )


def validate(
    model: keras.Model, dataset: Dataset, overlap: float = 0.5, before_batch: Callable[[], object] = lambda: None
) -> Matrix:
    """The confusion matrix (C, C) of the validation side, each image in its own size.

    `overlap` is that of the windows of images larger than the network's. `before_batch` is called before each batch of
    images or windows; its answer is not used: a trained epoch is always validated.
    """
    confusion: Matrix = np.zeros((dataset.classes, dataset.classes), np.int64)
    images = (dataset.images[index] for index in dataset.validation)
    predicted = predict_images(model, images, overlap, before_batch)
    for index, mask in zip(dataset.validation, predicted, strict=True):
        confusion += count_confusion(dataset.masks[index], mask, dataset.classes, dataset.ignore)
    return confusion
