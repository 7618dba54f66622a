"""The weights of the classes, from their numbers of pixels."""

import numpy as np
import pytest

from trainer.config import LossConfig
from trainer.training.losses import class_weights

CAPS = (1, 1.5, 3, 10, 1000)


def test_weights_follow_the_class_and_not_the_order_of_appearance() -> None:
    pixels = np.array([50, 100, 400, 25])
    weights = class_weights(pixels, LossConfig(weight_exponent=1, weight_cap=1000), 0)
    assert weights[0] == 0
    assert weights[1:] * pixels[1:] == pytest.approx(np.full(3, weights[1] * 100))


@pytest.mark.parametrize("exponent", [0.3, 0.5, 1])
def test_weights_are_to_each_other_as_the_shares_to_the_exponent(exponent: float) -> None:
    weights = class_weights(np.array([400, 100]), LossConfig(weight_exponent=exponent), None)
    assert weights[1] / weights[0] == pytest.approx(4**exponent)


def test_an_exponent_of_0_weighs_all_classes_alike() -> None:
    assert class_weights(np.array([7, 5, 9000]), LossConfig(weight_exponent=0), None) == pytest.approx(np.ones(3))


@pytest.mark.parametrize("cap", CAPS)
@pytest.mark.parametrize("exponent", [0, 0.4, 1])
def test_the_mean_over_all_scored_pixels_is_1(exponent: float, cap: float) -> None:
    for pixels in draw_pixels():
        weights = class_weights(pixels, LossConfig(weight_exponent=exponent, weight_cap=cap), 1)
        assert np.average(weights[[0, 2, 3, 4]], weights=pixels[[0, 2, 3, 4]]) == pytest.approx(1)


@pytest.mark.parametrize("cap", CAPS)
def test_no_weight_is_above_the_cap(cap: float) -> None:
    for pixels in draw_pixels():  # of which some reach it by what the cap of others takes away
        assert class_weights(pixels, LossConfig(weight_exponent=1, weight_cap=cap), None).max() <= cap * (1 + 1e-6)


@pytest.mark.parametrize("exponent", [0.5, 1])
def test_weights_below_the_cap_keep_their_ratio(exponent: float) -> None:
    weights = class_weights(np.array([1, 2000, 8000]), LossConfig(weight_exponent=exponent, weight_cap=7), None)
    assert weights[0] == pytest.approx(7)
    assert weights[1] / weights[2] == pytest.approx(4**exponent)


@pytest.mark.parametrize("cap", CAPS)
def test_a_larger_exponent_never_weighs_the_rarest_class_less(cap: float) -> None:
    for pixels in [np.array([5_000, 120, 300_000, 90_000, 40_000]), *draw_pixels()]:
        rarest = pixels.argmin()
        weights = [
            class_weights(pixels, LossConfig(weight_exponent=exponent, weight_cap=cap), None)[rarest]
            for exponent in np.linspace(0, 1, 21)
        ]
        assert np.diff(weights).min() > -1e-5


def test_a_class_without_a_pixel_gets_the_largest_weight() -> None:
    weights = class_weights(np.array([0, 10, 1000]), LossConfig(weight_cap=100), None)
    assert weights.argmax() == 0
    assert np.isfinite(weights).all()


def test_data_without_a_scored_pixel_have_finite_weights() -> None:
    weights = class_weights(np.array([9, 0, 0]), LossConfig(weight_exponent=1), 0)
    assert weights == pytest.approx([0, 1, 1])


def draw_pixels() -> list[np.ndarray]:
    """Numbers of pixels of five classes, over five powers of ten."""
    generator = np.random.default_rng(0)
    return [(10 ** generator.uniform(1, 6, 5)).astype(np.int64) for _ in range(30)]
