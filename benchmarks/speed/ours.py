"""The product: its step on one batch again and again, and its whole training."""

import time
from math import ceil

import keras
import numpy as np

from benchmarks.speed.flops import count_step_flops
from benchmarks.speed.rows import find_row, open_row
from benchmarks.speed.turns import Job, Turns
from trainer.config import TrainConfig
from trainer.data.dataset import Dataset
from trainer.model.unet import build_networks
from trainer.pipeline.batches import Batches
from trainer.training.average import limit_momentum
from trainer.training.fit import train
from trainer.training.history import Epoch
from trainer.training.losses import class_weights, make_loss
from trainer.training.optimizer import make_optimizer
from trainer.training.step import make_step

WARM_STEPS = 2


def bare_step(job: Job, turn: Turns) -> None:
    """Steps of training on one constant batch: what the network costs with an input that costs nothing."""
    config, dataset = open_row(find_row(job.row), job.folder, 1, job.rounds)
    batches = Batches(config, dataset)
    model, images, masks = compile_network(config, dataset, batches), *batches.batch(0)
    step = make_step(model)
    for _ in range(WARM_STEPS):
        step(images, masks)()
    began = time.perf_counter()
    for _ in range(WARM_STEPS):
        step(images, masks)()
    step_s = (time.perf_counter() - began) / WARM_STEPS
    steps = max(2, ceil(job.seconds / step_s))
    flops = count_step_flops(model, batches.size) / batches.size
    turn.ready(steps=steps, parameters=int(model.count_params()), flops=flops)
    while True:
        for _ in range(steps):
            loss = step(images, masks)
        loss()
        turn.done(steps * batches.size)


def compile_network(config: TrainConfig, dataset: Dataset, batches: Batches) -> keras.Model:
    """The network that `train` trains, compiled as there."""
    keras.utils.set_random_seed(config.seed)
    _, trained = build_networks(config.model, dataset.shape, dataset.classes, config.masked_class)
    momentum = limit_momentum(config.optimizer.average, batches.steps)
    weights = class_weights(np.ones(dataset.classes, np.int64), config.loss, config.loss_ignore_label)
    loss = make_loss(config.loss, weights, config.loss_ignore_label)
    trained.compile(make_optimizer(config.optimizer, momentum), loss, jit_compile=config.optimizer.jit_compile)
    trained.optimizer.build(trained.trainable_variables)
    return trained


def whole_training(job: Job, turn: Turns) -> None:
    """A training whose epochs are the slices; the first one, in which TensorFlow traces the step, is to get warm.

    An epoch is its batches, its steps, and the averages of the weights; nothing validates.
    """
    epochs = job.rounds + 1
    config, dataset = open_row(find_row(job.row), job.folder, job.steps, epochs)
    size = Batches(config, dataset).size

    def on_epoch(epoch: Epoch) -> bool:
        if epoch.epoch == 1:
            turn.ready()
        else:
            turn.done(job.steps * size)
        return True

    train(config, dataset, on_epoch)
