"""Each loss against its formula, written in NumPy pixel by pixel."""

from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from trainer.config import LossConfig
from trainer.training.losses import class_weights, make_loss

CLASSES = 4
NAMES = ("cross_entropy", "focal", "dice", "dice_focal", "focal_tversky")


def draw(seed: int, labels: tuple[int, ...] = (0, 1, 2, 3)) -> tuple[Any, Any, Any]:
    """Random masks (2, 4, 6), logits (2, 4, 6, C), weights (C,)."""
    generator = np.random.default_rng(seed)
    masks = generator.choice(labels, (2, 4, 6)).astype(np.uint8)
    logits = generator.normal(0, 2, (2, 4, 6, CLASSES)).astype(np.float32)
    return masks, logits, generator.uniform(0.2, 3, CLASSES).astype(np.float32)


def expected(config: LossConfig, masks: Any, logits: Any, weights: Any, ignore: int | None) -> float:
    """The loss, smoothed over the classes whose logit is not -1e4."""
    exponent = np.exp(logits.astype(np.float64) - logits.max(-1, keepdims=True))
    p = exponent / exponent.sum(-1, keepdims=True)
    ce = focal = total = 0.0
    for pixel in np.ndindex(masks.shape):
        y = int(masks[pixel])
        if y != ignore:
            others = [-np.log(p[pixel][c]) for c in range(CLASSES) if logits[pixel][c] != -1e4]
            smoothing = config.label_smoothing
            log = (1 - smoothing) * -np.log(p[pixel][y]) + (smoothing * np.mean(others) if smoothing else 0)
            ce += weights[y] * log
            focal += weights[y] * (1 - p[pixel][y]) ** config.gamma * log
            total += weights[y]
    dices, tverskys, shares = [], [], []
    valid = np.ones(masks.shape, bool) if ignore is None else masks != ignore
    for c in range(CLASSES):
        truth = masks[valid] == c
        if not truth.any():
            continue
        q = p[valid][:, c]
        tp, fp, fn = q[truth].sum(), q[~truth].sum(), (1 - q[truth]).sum()
        dices.append(1 - (2 * tp + 1) / (2 * tp + fp + fn + 1))
        tverskys.append((1 - (tp + 1) / (tp + config.alpha * fp + config.beta * fn + 1)) ** config.gamma)
        shares.append(weights[c])
    dice, tversky = np.average(dices, weights=shares), np.average(tverskys, weights=shares)
    values = {"cross_entropy": ce / total, "focal": focal / total, "dice": dice, "focal_tversky": tversky}
    return float(values["dice"] + values["focal"] if config.name == "dice_focal" else values[config.name])


@pytest.mark.parametrize("ignore", [None, 0, 2])
@pytest.mark.parametrize("name", NAMES)
def test_a_loss_equals_its_formula(name: Any, ignore: int | None) -> None:
    config = LossConfig(name=name, gamma=1.7, alpha=0.3, beta=0.8)
    for seed in range(3):
        masks, logits, weights = draw(seed)
        value = float(make_loss(config, weights, ignore)(masks, logits))
        assert value == pytest.approx(expected(config, masks, logits, weights, ignore), rel=1e-4)


@pytest.mark.parametrize("masked", [None, 0])
@pytest.mark.parametrize("name", ["cross_entropy", "focal"])
def test_label_smoothing_is_over_all_classes_but_the_masked_one(name: Any, masked: int | None) -> None:
    config = LossConfig(name=name, gamma=1.7, label_smoothing=0.2)
    masks, logits, weights = draw(0)
    logits += 4 * np.eye(CLASSES, dtype=np.float32)[masks]  # sure of the truth, where smoothing costs most
    if masked is not None:
        logits[..., masked] = -1e4
    value = float(make_loss(config, weights, masked)(masks, logits))
    assert value == pytest.approx(expected(config, masks, logits, weights, masked), rel=1e-4)
    unsmoothed = make_loss(LossConfig(name=name, gamma=1.7), weights, masked)(masks, logits)
    assert value > 1.1 * float(unsmoothed)


@pytest.mark.parametrize("name", NAMES)
def test_absent_classes_and_sure_logits_leave_the_gradient_finite(name: Any) -> None:
    masks, logits, weights = draw(0, labels=(1, 1, 3))
    logits[..., 0] = -1e4  # as that of a masked class
    logits[0] *= 50
    loss = make_loss(LossConfig(name=name), weights, 0)
    value, gradient = value_and_gradient(loss, masks, logits)
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()
    assert np.abs(gradient).sum() > 0


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_without_a_scored_pixel_has_loss_0(name: Any) -> None:
    masks, logits, weights = draw(0, labels=(0,))
    value, gradient = value_and_gradient(make_loss(LossConfig(name=name), weights, 0), masks, logits)
    assert value == 0
    assert np.abs(gradient).sum() == 0


@pytest.mark.parametrize("name", NAMES)
def test_an_ignore_label_that_is_no_class_is_ignored_too(name: Any) -> None:
    masks, logits, weights = draw(0)
    outside = np.where(masks == 0, 255, masks)
    config = LossConfig(name=name)
    inside = float(make_loss(config, weights, 0)(masks, logits))
    assert float(make_loss(config, weights, 255)(outside, logits)) == pytest.approx(inside)


@pytest.mark.parametrize("ignore", [None, 0])
def test_padded_pixels_are_of_no_class_whatever_is_ignored(ignore: int | None) -> None:
    masks, logits, weights = draw(11)
    loss = make_loss(LossConfig(), weights, ignore)
    padded = np.pad(masks, ((0, 0), (0, 3), (0, 2)), constant_values=255)
    more = np.pad(logits, ((0, 0), (0, 3), (0, 2), (0, 0)), constant_values=5)
    assert float(loss(padded, more)) == pytest.approx(float(loss(masks, logits)), rel=1e-5)


def test_perfect_logits_have_loss_near_0() -> None:
    """No second softmax: with one, cross-entropy over five classes cannot fall below 0.9."""
    masks, _, weights = draw(0)
    logits = 30 * np.eye(CLASSES, dtype=np.float32)[masks]
    for name in NAMES:
        assert float(make_loss(LossConfig(name=name), weights, None)(masks, logits)) < 0.01


def test_class_weights_follow_the_class_and_not_the_order_of_appearance() -> None:
    pixels = np.array([50, 100, 400, 25])
    weights = class_weights(pixels, LossConfig(class_weights="inverse", weight_cap=1000), 0)
    assert weights[0] == 0
    assert weights[1:] * pixels[1:] == pytest.approx(np.full(3, weights[1] * 100))
    assert (weights * pixels).sum() == pytest.approx(pixels[1:].sum())


def test_class_weights_are_capped() -> None:
    weights = class_weights(np.array([1, 10_000]), LossConfig(class_weights="inverse", weight_cap=7), None)
    assert weights[0] / weights[1] == pytest.approx(7)


def test_a_class_without_a_pixel_gets_the_largest_weight() -> None:
    weights = class_weights(np.array([0, 10, 1000]), LossConfig(class_weights="sqrt", weight_cap=100), None)
    assert weights.argmax() == 0
    assert np.isfinite(weights).all()


def value_and_gradient(loss: Any, masks: Any, logits: Any) -> tuple[float, Any]:
    """Computed by the backend's automatic differentiation."""
    if keras.backend.backend() == "jax":
        import jax

        value, gradient = jax.value_and_grad(lambda x: loss(masks, x))(ops.convert_to_tensor(logits))
    else:
        import tensorflow as tf

        x = tf.constant(logits)
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = loss(masks, x)
        gradient = tape.gradient(value, x)
    return float(value), np.asarray(gradient)
