"""Training: what it computes, how it ends, and what it reports."""

import gc
from typing import Any

import keras
import numpy as np
import pytest

from tests.data_sets import TINY, make_dataset, make_ragged, with_pixels
from tests.training.recorded import Recorded, record
from trainer.config import TrainConfig
from trainer.configfile import override
from trainer.data.dataset import Dataset
from trainer.errors import DivergedError
from trainer.model.unet import build_model
from trainer.pipeline.batches import Batches
from trainer.training.fit import train
from trainer.training.losses import class_weights, make_loss
from trainer.training.metrics import Scores, score
from trainer.training.optimizer import learning_rate
from trainer.training.validation import make_validate

SHAPE = (16, 16, 1)
STEPS = 3  # batches of an epoch


@pytest.fixture(scope="module")
def default(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """Eight epochs of the default network, tiny, with all its parts, augmentation and the cosine schedule."""
    config = override(TrainConfig(), TINY | {"budget.epochs": 8})
    return record(config, tmp_path_factory.mktemp("default") / "c.npz")


def test_training_learns(default: Recorded) -> None:
    history = default.fitted.history
    assert history[-1].loss < 0.7 * history[0].loss
    assert default.fitted.final.miou > 0.8


def test_every_epoch_is_reported(default: Recorded) -> None:
    assert default.reported == default.fitted.history
    assert [epoch.epoch for epoch in default.reported] == list(range(1, 9))
    assert default.fitted.stopped == "budget"
    assert all(epoch.iou[0] is None and epoch.seconds > 0 for epoch in default.reported)
    assert default.fitted.seconds == sum(epoch.seconds for epoch in default.reported)


def test_the_rate_follows_the_schedule(default: Recorded) -> None:
    config = default.fitted.config
    last_steps = range(STEPS - 1, 8 * STEPS, STEPS)
    rates = [learning_rate(config.schedule, 0.01, step, 8 * STEPS, 8, ()) for step in last_steps]
    assert [epoch.learning_rate for epoch in default.reported] == rates
    assert len(set(rates)) == 8


@pytest.mark.parametrize("name", ["adamw", "lion"])
def test_a_training_leaves_no_graph_behind(name: str) -> None:
    config = override(TrainConfig(), TINY | {"budget.epochs": 1, "optimizer.name": name})
    alive = []
    for _ in range(2):  # the first also ends what other tests left
        train(config, make_dataset())
        alive.append(count_graphs())
    assert alive[1] <= alive[0]


def count_graphs() -> int:
    """TensorFlow's graphs that are alive."""
    gc.collect()
    return sum(type(found).__name__ == "FuncGraph" for found in gc.get_objects())


def test_short_epochs_are_saved_once_a_minute(default: Recorded) -> None:
    assert default.saved == (0,) * 8
    assert not default.checkpoint.exists()


@pytest.mark.parametrize("keep", ["last", "best"])
@pytest.mark.parametrize("average", [0.0, 0.9])
def test_the_model_has_the_weights_that_are_kept(
    plain: TrainConfig, dataset: Dataset, keep: str, average: float
) -> None:
    """The rate rises until it spoils the network, so that the last epoch is not the best."""
    rising = {"optimizer.learning_rate": 1.0, "schedule.warmup": 20.0, "budget.epochs": 8}
    changes = rising | {"budget.keep": keep, "optimizer.average": average}
    fitted = train(override(plain, changes), dataset)
    miou = [epoch.miou for epoch in fitted.history]
    assert miou[-1] < max(miou)
    assert fitted.final.miou == (miou[-1] if keep == "last" else max(miou))
    np.testing.assert_array_equal(make_validate(fitted.model, dataset)(lambda: None), fitted.confusions)
    assert score(fitted.confusion, dataset.ignore).miou == pytest.approx(fitted.final.miou)
    assert fitted.parameters == fitted.model.count_params()


def test_the_loss_is_the_mean_of_the_epochs_batches(plain: TrainConfig, dataset: Dataset) -> None:
    """The weights stay as they are, so that each batch's loss can be computed afterwards."""
    still = override(plain, {"optimizer.learning_rate": 1e-20, "budget.epochs": 2, "model.l2": 0.01})
    fitted = train(still, dataset)
    batches = Batches(still, dataset)
    loss = make_loss(still.loss, class_weights(batches.count_seen(), still.loss, 0), 0)
    kernels = [np.asarray(layer.kernel) for layer in fitted.model.layers if getattr(layer, "kernel_regularizer", None)]
    penalty = sum(0.01 * (kernel**2).sum() for kernel in kernels)
    for epoch in range(2):
        losses = [float(loss(masks, fitted.model(images))) for images, masks in batches.epoch(epoch)]
        assert np.ptp(losses) > 1e-3
        assert fitted.history[epoch].loss == pytest.approx(np.mean(losses) + penalty, rel=1e-4)


def test_steps_make_the_training_whatever_the_batches_are(plain: TrainConfig, dataset: Dataset) -> None:
    asked: list[int] = []
    for size in (4, 8):
        changes = {"budget.steps": 7, "optimizer.batch_size": size, "data.oversample": 3}
        fitted = train(override(plain, changes), dataset, should_stop=lambda: asked.append(1) is not None)
        assert len(fitted.history) == 3
    assert len(asked) == 2 * (7 + 3)  # batches, and one of validation an epoch


def test_deep_supervision_leaves_no_trace_in_the_saved_network(plain: TrainConfig, dataset: Dataset) -> None:
    deep = override(plain, {"model.deep_supervision": True, "model.depth": 2, "budget.epochs": 6})
    fitted = train(deep, dataset)
    model = build_model(deep.model, SHAPE, 3, 0)
    assert fitted.parameters == model.count_params()
    assert [w.shape for w in fitted.model.weights] == [w.shape for w in model.weights]
    assert fitted.final.miou > 0.6


@pytest.mark.parametrize("seed", [0, 1])
def test_a_step_is_the_optimizers_on_the_configured_loss(plain: TrainConfig, dataset: Dataset, seed: int) -> None:
    """One step of Lion moves a weight by the rate, either way, here in the middle of a warm-up of two steps.

    The loss before it is the cross-entropy with the penalty. The seed decides the weights and the batch.
    """
    step = {"budget.epochs": 1, "budget.images": 8, "optimizer.name": "lion", "optimizer.weight_decay": 0.0}
    step |= {"schedule.warmup": 1.0, "seed": seed}
    config = override(plain, step | {"model.l1": 0.01, "loss.weight_exponent": 1.0, "loss.weight_cap": 1e6})
    fitted = train(config, dataset)
    keras.utils.set_random_seed(seed)
    model = build_model(config.model, SHAPE, 3, 0)

    moves = [np.abs(a - b) for a, b in zip(fitted.model.get_weights(), model.get_weights(), strict=True)]
    flat = np.concatenate([move.ravel() for move in moves])
    np.testing.assert_allclose(flat[flat > 0], 0.01 / 2, rtol=1e-3)
    assert (flat > 0).mean() > 0.5

    (images, masks), *_ = Batches(config, dataset).epoch(0)
    logits = np.asarray(model(images), np.float64)
    log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    pixels = np.bincount(dataset.masks[dataset.train].ravel(), minlength=3)
    weight = np.where(masks > 0, 1 / pixels[masks], 0)
    cross_entropy = -(weight * np.take_along_axis(log_p, masks[..., None].astype(int), -1)[..., 0]).sum() / weight.sum()
    kernels = [np.asarray(layer.kernel) for layer in model.layers if getattr(layer, "kernel_regularizer", None)]
    penalty = sum(0.01 * np.abs(kernel).sum() for kernel in kernels)
    assert penalty > 0.1
    assert fitted.history[0].loss == pytest.approx(cross_entropy + penalty, rel=1e-4)


def test_the_caller_can_end_it(plain: TrainConfig, dataset: Dataset) -> None:
    fitted = train(plain, dataset, on_epoch=lambda epoch: epoch.epoch < 2)
    assert fitted.stopped == "caller"
    assert len(fitted.history) == 2


def test_patience_ends_it(plain: TrainConfig, dataset: Dataset) -> None:
    still = {"optimizer.learning_rate": 1e-12, "budget.epochs": 9, "budget.patience": 2}
    fitted = train(override(plain, still), dataset)
    assert fitted.stopped == "patience"
    assert len(fitted.history) == 3


def test_a_loss_that_is_not_finite_is_named(plain: TrainConfig, dataset: Dataset) -> None:
    wild = {"optimizer.learning_rate": 1.0, "optimizer.clip_norm": 0, "optimizer.name": "lion"}
    wild |= {"optimizer.weight_decay": 50, "budget.epochs": 50}
    with pytest.raises(DivergedError, match=r"the loss must stay finite; got (nan|inf) in epoch \d+, by step 3 of it"):
        train(override(plain, wild), dataset)


@pytest.mark.parametrize("changes", [{"loss.background": "learn"}, {"data.ignore": "none"}])
def test_background_can_be_learned(plain: TrainConfig, changes: dict[str, Any]) -> None:
    """The black corner of each image."""
    longer = {"seed": 1, "optimizer.learning_rate": 0.03, "budget.epochs": 20}
    config = override(plain, changes | longer)
    dataset = make_dataset(ignore=config.data.ignored_label)
    fitted = train(config, dataset)
    masks = np.asarray(fitted.model(dataset.images)).argmax(-1)
    found = (masks == 0) & (dataset.masks == 0)
    assert found.sum() > 0.5 * ((masks == 0) | (dataset.masks == 0)).sum()
    assert (fitted.final.iou[0] is None) == (config.data.ignore == 0)


def test_colour_and_a_label_outside_the_classes(plain: TrainConfig) -> None:
    dataset = make_dataset(channels=3)
    masks = np.where(dataset.masks == 0, 255, dataset.masks).astype(np.uint8)
    outside = with_pixels(dataset, masks=masks, ignore=255)
    fitted = train(override(plain, {"data.ignore": 255, "budget.epochs": 1}), outside)
    scored = outside.masks[outside.validation] != 255
    assert fitted.confusion.sum() == scored.sum()
    assert fitted.final.iou[0] is None  # no pixel is of class 0 any more
    assert fitted.model.input_shape == (None, 16, 16, 3)


def test_large_images_train_by_patches_and_validate_whole(plain: TrainConfig) -> None:
    """Of sizes of their own and of more than 8 bits; every pixel of the last image is scored once."""
    dataset = make_ragged([(40, 30), (10, 70), (50, 37)], (16, 16), channels=2, dtype=np.float16)
    config = override(plain, {"data.classes": 2, "data.ignore": 255, "budget.images": 64, "budget.epochs": 4})
    asked: list[int] = []
    fitted = train(config, dataset, should_stop=lambda: asked.append(1) is not None)
    assert fitted.model.input_shape == (None, 16, 16, 2)
    assert fitted.model.inputs[0].dtype == "float32"
    assert fitted.confusion.sum() == 50 * 37
    assert fitted.final.miou > 0.8
    assert len(asked) == 4 * (8 + 1)  # batches, and one of 24 windows


def test_the_best_epoch_is_that_of_the_metric(plain: TrainConfig, dataset: Dataset) -> None:
    """Epochs whose scores are given: class 1 is best in the first, the mean in the second."""
    scores = [(None, 0.9, 0.1), (None, 0.6, 0.8), (None, 0.7, 0.6)]
    for metric, best, value in (("miou", 2, 0.7), ("iou:class 1", 1, 0.9), ("dice", 2, (0.75 + 1.6 / 1.8) / 2)):
        given = iter(Scores(sum(iou[1:]) / 2, 0.0, iou) for iou in scores)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("trainer.training.fit.score", lambda confusion, ignore, given=given: next(given))
            fitted = train(override(plain, {"metric": metric, "budget.keep": "best"}), dataset)
        assert fitted.final.epoch == best
        assert fitted.final.value == pytest.approx(value)


def test_without_validation_the_last_epoch_is_the_result(plain: TrainConfig, dataset: Dataset) -> None:
    everything = with_pixels(dataset, train=np.arange(32), validation=np.arange(0))
    changes = {"budget.patience": 1, "schedule.name": "plateau", "schedule.patience": 1}
    weights: list[Any] = []
    fitted = train(override(plain, changes), everything, lambda epoch: weights.append(epoch.value) is None)
    assert fitted.stopped == "budget" and fitted.final.epoch == 3
    assert weights == [0, 0, 0] and fitted.final.miou == 0 and set(fitted.final.iou) == {None}
    assert not fitted.confusion.any()
    assert len({epoch.learning_rate for epoch in fitted.history}) == 1
    predicted = np.asarray(fitted.model(dataset.images)).argmax(-1)
    assert (predicted == dataset.masks)[dataset.masks > 0].mean() > 0.9


def test_images_that_the_network_cannot_halve_train_too(plain: TrainConfig, dataset: Dataset) -> None:
    fitted = train(override(plain, {"model.depth": 5, "model.width": 2, "budget.epochs": 1}), dataset)
    assert fitted.model.output_shape == (None, 16, 16, 3)
