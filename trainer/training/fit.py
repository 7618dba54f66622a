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
from trainer.model.predict import BATCH_SIZE, predict_masks
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

    Args:
        config: the training. It ends after `budget.epochs`, or `budget.patience` epochs without a better mIoU.
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
        self.model = build_model(config.model, dataset.images.shape[1:], dataset.classes, config.masked_class)
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
        confusion = validate(self.model, self.dataset, should_stop)
        scores = score(confusion, self.dataset.ignore)
        seconds = time.perf_counter() - started
        epoch = Epoch(len(self.history) + 1, loss, scores.miou, scores.miou_keras, scores.iou, rate, seconds)
        if not self.history or epoch.miou > self.best().miou:
            self.best_weights, self.confusion = read_arrays(self.model.weights), confusion
        self.history.append(epoch)
        return epoch

    def _train_epoch(self, should_stop: Callable[[], bool]) -> tuple[float, float]:
        """Trains one epoch; returns the last batch's loss and learning rate."""
        done, steps, total = len(self.history), self.batches.steps, self.config.budget.epochs
        scores = [epoch.miou for epoch in self.history]
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
        """The first epoch with the highest mIoU."""
        return max(self.history, key=lambda epoch: epoch.miou)

    def reason_to_stop(self) -> Literal["budget", "patience"] | None:
        if len(self.history) >= self.config.budget.epochs:
            return "budget"
        if self.history and len(self.history) - self.best().epoch >= self.config.budget.patience:
            return "patience"
        return None

    def snapshot(self) -> Checkpoint:
        variables, moments = read_arrays(self.model.variables), read_arrays(self.optimizer.variables)
        history = [asdict(epoch) for epoch in self.history]
        return Checkpoint(history, self.confusion, self.best_weights, variables, moments)

    def restore(self, checkpoint: Checkpoint) -> None:
        write_arrays(self.model.variables, checkpoint.variables)
        write_arrays(self.optimizer.variables, checkpoint.optimizer)
        self.history = [Epoch(**entry | {"iou": tuple(entry["iou"])}) for entry in checkpoint.history]
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


def validate(model: keras.Model, dataset: Dataset, before_batch: Callable[[], object] = lambda: None) -> Matrix:
    """The confusion matrix (C, C) of the validation side; `before_batch` is called before each batch."""
    confusion: Matrix = np.zeros((dataset.classes, dataset.classes), np.int64)
    for start in range(0, len(dataset.validation), BATCH_SIZE):
        before_batch()  # its answer is not used: a trained epoch is always validated
        chosen = dataset.validation[start : start + BATCH_SIZE]
        predicted = predict_masks(model, dataset.images[chosen])
        confusion += count_confusion(dataset.masks[chosen], predicted, dataset.classes, dataset.ignore)
    return confusion
