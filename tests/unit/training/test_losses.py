"""Each loss against its formula, written in NumPy pixel by pixel."""

from typing import Any, get_args

import keras
import numpy as np
import pytest
from keras import ops

from tests.unit.training.loss_formulas import MASKED, expected, jaccard_loss
from trainer.config import LossConfig
from trainer.training.losses import make_loss

CLASSES = 4
NAMES = get_args(LossConfig.model_fields["name"].annotation)
PIXEL = ("cross_entropy", "focal", "dice_ce", "dice_focal", "lovasz_ce")  # those with a loss of pixels


def draw(seed: int, labels: tuple[int, ...] = (0, 1, 2, 3)) -> tuple[Any, Any, Any]:
    """Random masks (2, 4, 6), logits (2, 4, 6, C), weights (C,)."""
    generator = np.random.default_rng(seed)
    masks = generator.choice(labels, (2, 4, 6)).astype(np.uint8)
    logits = generator.normal(0, 2, (2, 4, 6, CLASSES)).astype(np.float32)
    return masks, logits, generator.uniform(0.2, 3, CLASSES).astype(np.float32)


@pytest.mark.parametrize("gamma", [0.75, 1.7])
@pytest.mark.parametrize("ignore", [None, 0, 2])
@pytest.mark.parametrize("name", NAMES)
def test_a_loss_equals_its_formula(name: Any, ignore: int | None, gamma: float) -> None:
    config = LossConfig(name=name, gamma=gamma, alpha=0.3, mix=0.7)
    for seed in range(2):
        masks, logits, weights = draw(seed)
        value = float(make_loss(config, weights, ignore)(masks, logits))
        assert value == pytest.approx(expected(config, masks, logits, weights, ignore), rel=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_the_gradient_is_that_of_the_formula(name: Any) -> None:
    config = LossConfig(name=name, gamma=0.75, alpha=0.3, mix=0.7)
    masks, logits, weights = draw(3)
    _, gradient = value_and_gradient(make_loss(config, weights, 0), masks, logits)
    exact = logits.astype(np.float64)
    for place in [(0, 0, 0, 1), (0, 2, 5, 3), (1, 1, 1, 0), (1, 3, 4, 2), (1, 0, 3, 1)]:
        step = np.zeros_like(exact)
        step[place] = 1e-6
        rise = expected(config, masks, exact + step, weights, 0) - expected(config, masks, exact - step, weights, 0)
        assert gradient[place] == pytest.approx(rise / 2e-6, rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("masked", [None, 0])
@pytest.mark.parametrize("name", PIXEL)
def test_label_smoothing_is_over_all_classes_but_the_masked_one(name: Any, masked: int | None) -> None:
    config = LossConfig(name=name, gamma=1.7, label_smoothing=0.2)
    masks, logits, weights = draw(0)
    logits += 4 * np.eye(CLASSES, dtype=np.float32)[masks]  # sure of the truth, where smoothing costs most
    if masked is not None:
        logits[..., masked] = MASKED
    value = float(make_loss(config, weights, masked)(masks, logits))
    assert value == pytest.approx(expected(config, masks, logits, weights, masked), rel=1e-4)
    unsmoothed = make_loss(LossConfig(name=name, gamma=1.7), weights, masked)(masks, logits)
    assert value > 1.05 * float(unsmoothed)


@pytest.mark.parametrize("name", NAMES)
def test_a_masked_class_leaves_a_loss_at_its_formula(name: Any) -> None:
    config = LossConfig(name=name, gamma=0.75)
    masks, logits, weights = draw(4)
    logits[..., 0] = MASKED
    value, gradient = value_and_gradient(make_loss(config, weights, 0), masks, logits)
    assert value == pytest.approx(expected(config, masks, logits, weights, 0), rel=1e-4)
    assert np.abs(gradient[..., 0]).max() == 0


@pytest.mark.parametrize("name", NAMES)
def test_pixels_that_are_not_scored_change_neither_value_nor_gradient(name: Any) -> None:
    masks, logits, weights = draw(5, labels=(0, 1, 2, 3, 255))
    loss = make_loss(LossConfig(name=name, gamma=0.75), weights, 0)
    value, gradient = value_and_gradient(loss, masks, logits)
    unscored = (masks == 0) | (masks == 255)
    other = np.where(unscored[..., None], np.flip(3 * logits, -1), logits)
    other_value, other_gradient = value_and_gradient(loss, masks, other)
    assert other_value == pytest.approx(value, rel=1e-6)
    assert np.abs(gradient[unscored]).max() == np.abs(other_gradient[unscored]).max() == 0
    assert other_gradient == pytest.approx(gradient, rel=1e-4, abs=1e-7)


@pytest.mark.parametrize("ignore", [None, 0])
@pytest.mark.parametrize("name", NAMES)
def test_padded_pixels_are_of_no_class_whatever_is_ignored(name: Any, ignore: int | None) -> None:
    masks, logits, weights = draw(11)
    loss = make_loss(LossConfig(name=name), weights, ignore)
    padded = np.pad(masks, ((0, 0), (0, 3), (0, 2)), constant_values=255)
    more = np.pad(logits, ((0, 0), (0, 3), (0, 2), (0, 0)), constant_values=5)
    assert float(loss(padded, more)) == pytest.approx(float(loss(masks, logits)), rel=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_an_ignore_label_that_is_no_class_is_ignored_too(name: Any) -> None:
    masks, logits, weights = draw(0)
    outside = np.where(masks == 0, 255, masks)
    config = LossConfig(name=name)
    inside = float(make_loss(config, weights, 0)(masks, logits))
    assert float(make_loss(config, weights, 255)(outside, logits)) == pytest.approx(inside)


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_without_a_scored_pixel_has_loss_0(name: Any) -> None:
    masks, logits, weights = draw(0, labels=(0,))
    value, gradient = value_and_gradient(make_loss(LossConfig(name=name, gamma=0.75), weights, 0), masks, logits)
    assert value == 0
    assert np.abs(gradient).max() == 0


@pytest.mark.parametrize("gamma", [0.1, 0.75, 2.0])
@pytest.mark.parametrize("name", NAMES)
def test_sure_and_right_logits_have_loss_near_0_and_a_finite_gradient(name: Any, gamma: float) -> None:
    """No second softmax: with one, cross-entropy over five classes cannot fall below 0.9."""
    masks, _, weights = draw(0)
    logits = 200 * np.eye(CLASSES, dtype=np.float32)[masks]
    value, gradient = value_and_gradient(make_loss(LossConfig(name=name, gamma=gamma), weights, None), masks, logits)
    assert 0 <= value < 0.01
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("gamma", [0.1, 0.75, 2.0])
@pytest.mark.parametrize("name", NAMES)
def test_logits_near_the_ends_of_float16_leave_value_and_gradient_finite(name: Any, gamma: float) -> None:
    masks, logits, weights = draw(0, labels=(1, 1, 3))
    logits[0] = np.sign(logits[0]) * 1e4
    logits[..., 0] = MASKED
    loss = make_loss(LossConfig(name=name, gamma=gamma), weights, 0)
    value, gradient = value_and_gradient(loss, masks, logits.astype(np.float16))
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()
    assert np.abs(gradient).sum() > 0


@pytest.mark.parametrize("ignore", [None, 2])
def test_lovasz_of_a_hard_prediction_is_1_minus_the_mean_iou_of_the_present_classes(ignore: int | None) -> None:
    loss = make_loss(LossConfig(name="lovasz"), np.ones(CLASSES), ignore)
    for seed in range(5):
        masks, logits, _ = draw(seed, labels=(0, 2, 3))
        predicted = logits.argmax(-1)
        scored = masks != ignore
        misses = [
            jaccard_loss(masks[scored] == c, (masks[scored] == c) ^ (predicted[scored] == c))
            for c in np.unique(masks[scored])
        ]
        value = float(loss(masks, 1e4 * np.eye(CLASSES, dtype=np.float32)[predicted]))
        assert value == pytest.approx(np.mean(misses), rel=1e-5)


@pytest.mark.parametrize("sureness", [0, 1, 4])
def test_lovasz_of_many_pixels_with_nearly_equal_errors_equals_its_formula(sureness: float) -> None:
    generator = np.random.default_rng(0)
    masks = generator.choice(4, (2, 40, 40), p=[0.01, 0.29, 0.3, 0.4]).astype(np.uint8)
    logits = (sureness * generator.normal(0, 2, (2, 40, 40, CLASSES))).astype(np.float32)
    config = LossConfig(name="lovasz")
    value = float(make_loss(config, np.ones(CLASSES), None)(masks, logits))
    assert value == pytest.approx(expected(config, masks, logits, np.ones(CLASSES), None), rel=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_logits_that_are_no_numbers_have_a_loss_that_is_none(name: Any) -> None:
    masks, logits, weights = draw(0)
    logits[0, 1, 2] = np.nan
    assert np.isnan(float(make_loss(LossConfig(name=name), weights, None)(masks, logits)))


@pytest.mark.parametrize("name", NAMES)
def test_deep_supervision_halves_the_weight_of_each_deeper_map(name: Any) -> None:
    config = LossConfig(name=name)
    masks, finest, weights = draw(0)
    maps = [finest, draw(1)[1], draw(2)[1]]
    loss = make_loss(config, weights, 0)
    single = [float(loss(masks, logits)) for logits in maps]
    assert float(loss(masks, np.stack(maps, 1))) == pytest.approx(np.average(single, weights=[4, 2, 1]), rel=1e-5)
    assert float(loss(masks, np.stack(maps[:1], 1))) == pytest.approx(single[0], rel=1e-6)


@pytest.mark.parametrize("name", ["dice_ce", "dice_focal", "lovasz_ce"])
def test_a_sum_mixed_to_one_side_is_that_loss_alone(name: Any) -> None:
    masks, logits, weights = draw(7)
    region, pixel = name.split("_")
    parts = {0.0: {"ce": "cross_entropy"}.get(pixel, pixel), 1.0: region}
    for mix, alone in parts.items():
        value = float(make_loss(LossConfig(name=name, mix=mix), weights, 0)(masks, logits))
        assert value == pytest.approx(float(make_loss(LossConfig(name=alone), weights, 0)(masks, logits)), rel=1e-6)


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
