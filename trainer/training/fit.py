"""Trains one configuration on a data set."""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import keras
import numpy as np

from trainer.config import TrainConfig
from trainer.data.dataset import Dataset
from trainer.errors import DivergedError
from trainer.metric import metric_value
from trainer.model.unet import build_networks
from trainer.on_device.augment import make_device_augment
from trainer.on_device.network import AugmentedNetwork
from trainer.pipeline.batches import Batches
from trainer.pipeline.helpers import count_helpers, shared_helpers
from trainer.training.average import average_weights, limit_momentum
from trainer.training.backend import devices
from trainer.training.checkpoint import Arrays, Checkpoint, CheckpointWriter, load_checkpoint, read_arrays, write_arrays
from trainer.training.history import Epoch, Final, judge
from trainer.training.losses import class_weights, make_loss
from trainer.training.metrics import Matrix, score
from trainer.training.optimizer import learning_rate, make_optimizer
from trainer.training.step import make_step
from trainer.training.validation import make_validate

STATISTICS = 0.9  # momentum of the statistics of batch normalisation where weights are not averaged
READ_EVERY = 20  # steps after which the loss is read, for which the device must have done them


@dataclass(frozen=True)
class Fitted:
    """A trained network with the weights that are kept."""

    model: keras.Model  # uncompiled
    config: TrainConfig
    history: tuple[Epoch, ...]
    final: Final
    confusions: Matrix  # (B, C, C) with the kept weights, rows true, columns predicted; see `validation.assign_blocks`
    parameters: int
    seconds: float  # of all epochs, validation included
    images_per_second: float  # of training without validation; without the first epoch if there are more
    stopped: Literal["budget", "patience", "caller"]  # why training ended

    @property
    def confusion(self) -> Matrix:
        """The confusion matrix of all validation images, (C, C)."""
        return np.asarray(self.confusions.sum(axis=0), np.int64)


class Interrupted(Exception):
    """`should_stop` returned True; the checkpoint has the last finished epoch."""


def train(
    config: TrainConfig,
    dataset: Dataset,
    on_epoch: Callable[[Epoch], bool] | None = None,
    checkpoint: Path | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Fitted:
    """Trains one configuration and returns the network with the averaged weights of its last or best epoch.

    Without validation images the last epoch is kept, and patience does not apply.

    Args:
        config: the training. It ends after its budget, or `budget.patience` epochs without a better `metric`.
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
        helpers = count_helpers(gpu=bool(devices("gpu")))
        self.feed = partial(shared_helpers(helpers).epoch, self.batches) if helpers else self.batches.epoch
        self.momentum = limit_momentum(config.optimizer.average, self.batches.steps)
        dtype: Literal["uint8", "float32"] = "uint8" if dataset.images[0].dtype == np.uint8 else "float32"
        self.network, self.trained = build_networks(
            config.model, dataset.shape, dataset.classes, config.masked_class, dtype, self.momentum or STATISTICS
        )
        if config.augment.where == "device" and config.augment.mode == "dynamic":
            self.trained = AugmentedNetwork(self.trained, make_device_augment(config.augment, dataset.shape))
        self.averaged = keras.models.clone_model(self.network) if self.momentum else self.network
        ignore = config.loss_ignore_label
        weights = class_weights(self.batches.count_seen(), config.loss, ignore)
        jit = True if keras.backend.backend() == "jax" else config.optimizer.jit_compile
        self.flat = make_optimizer(config.optimizer, self.momentum)
        self.trained.compile(self.flat, make_loss(config.loss, weights, ignore), jit_compile=jit)
        self.optimizer = self.trained.optimizer  # with mixed_float16 Keras wraps it, to scale the loss
        self.optimizer.build(self.trained.trainable_variables)
        self.averaged.jit_compile = jit
        self.validate = make_validate(self.averaged, dataset, config.data.overlap)
        self.history: list[Epoch] = []
        self.first: Arrays = []  # trainable variables after the first step, with which averages begin
        self.kept: Arrays = []
        self.confusions: Matrix = np.zeros((0, dataset.classes, dataset.classes), np.int64)
        self.training_s: list[float] = []

    def advance(self, should_stop: Callable[[], bool]) -> Epoch:
        """Trains and validates one epoch."""
        started = time.perf_counter()
        loss, rate = self._train_epoch(should_stop)
        self.training_s.append(time.perf_counter() - started)
        if self.momentum:
            done = self.batches.start(len(self.history) + 1)
            averages = average_weights(self.network, self.flat, self.first, self.momentum, done)
            write_arrays(self.averaged.weights, averages)
        confusions = self.validate(should_stop)
        scores = score(confusions.sum(axis=0), self.dataset.ignore)
        value = metric_value(self.config.metric, scores.iou, self.dataset.names) if self.validates else 0.0
        seconds = time.perf_counter() - started
        epoch = Epoch(len(self.history) + 1, loss, value, scores.miou, scores.miou_keras, scores.iou, rate, seconds)
        self.history.append(epoch)
        if self.final().epoch == epoch.epoch:
            self.kept, self.confusions = read_arrays(self.averaged.weights), confusions
        return epoch

    @property
    def validates(self) -> bool:
        """Whether there are validation images."""
        return len(self.dataset.validation) > 0

    def _train_epoch(self, should_stop: Callable[[], bool]) -> tuple[float, float]:
        """Trains one epoch; returns its mean loss and the last batch's learning rate."""
        epoch, budget = len(self.history), self.config.budget
        scores = [done.value for done in self.history] if self.validates else []
        highest, schedule = self.config.optimizer.learning_rate, self.config.schedule
        first, last = self.batches.start(epoch), self.batches.start(epoch + 1) - 1
        self.trained.reset_metrics()
        train_on, loss, rate = make_step(self.trained), math.nan, math.nan
        for step, (images, masks) in enumerate(self.feed(epoch), first):
            if should_stop():
                raise Interrupted
            rate = learning_rate(schedule, highest, step, self.batches.steps, budget.epochs, scores)
            self.optimizer.learning_rate = rate
            read_loss = train_on(images, masks, self.batches.seed(step))
            if step == 0 and self.momentum:
                self.first = read_arrays(self.trained.trainable_variables)
            if (step - first) % READ_EVERY == READ_EVERY - 1 or step == last:
                loss = read_loss()
                if not math.isfinite(loss):
                    raise DivergedError(
                        f"the loss must stay finite; got {loss} in epoch {epoch + 1}, by step {step - first + 1} of it"
                    )
        return loss, rate

    def final(self) -> Final:
        """What the training is judged by so far."""
        return judge(self.history, self.config.budget.keep if self.validates else "last")

    def reason_to_stop(self) -> Literal["budget", "patience"] | None:
        """Why the training is over, if it is."""
        budget, history = self.config.budget, self.history
        if len(history) >= budget.epochs:
            return "budget"
        if budget.patience is None or not self.validates or not history:
            return None
        return "patience" if len(history) - judge(history, "best").epoch >= budget.patience else None

    def snapshot(self) -> Checkpoint:
        """The state after an epoch."""
        variables, moments = read_arrays(self.trained.variables), read_arrays(self.optimizer.variables)
        history = [asdict(epoch) for epoch in self.history]
        return Checkpoint(history, self.confusions, self.kept, self.first, variables, moments)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Takes over the state of a checkpoint. Raises CheckpointError."""
        write_arrays(self.trained.variables, checkpoint.variables)
        write_arrays(self.optimizer.variables, checkpoint.optimizer)
        self.history = [Epoch(**{**entry, "iou": tuple(entry["iou"])}) for entry in checkpoint.history]
        self.kept, self.first, self.confusions = checkpoint.kept, checkpoint.first, checkpoint.confusions

    def finish(self, stopped: Literal["budget", "patience", "caller"]) -> Fitted:
        """The network with the kept weights."""
        write_arrays(self.averaged.weights, self.kept)
        model = keras.Model(self.averaged.inputs[0], self.averaged.outputs[0], name=self.network.name)
        measured = self.training_s[1:] or self.training_s
        return Fitted(
            model=model,
            config=self.config,
            history=tuple(self.history),
            final=self.final(),
            confusions=self.confusions,
            parameters=int(model.count_params()),
            seconds=sum(epoch.seconds for epoch in self.history),
            images_per_second=len(measured)
            * self.batches.size
            * self.batches.steps
            / self.config.budget.epochs
            / (sum(measured) or math.inf),
            stopped=stopped,
        )
