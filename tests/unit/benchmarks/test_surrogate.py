"""The surrogate, on a landscape that is known, and the noise that it finds."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy.stats import spearmanr

from benchmarks.curves.noise import seed_deviation
from benchmarks.replay.check import describe, find_best
from benchmarks.replay.estimate import ASSUMED, estimate_noise, find_residuals
from benchmarks.replay.gaussian import fit
from benchmarks.replay.landscape import EPOCHS, NOISE, Landscape, record
from benchmarks.replay.problem import Floats, Noise, Values, default_values, final_value, searched
from benchmarks.replay.random_draw import draw_at_random
from benchmarks.replay.surrogate import Surrogate, fit_surrogate
from search.space.axis import contains

LANDSCAPE = Landscape()
DIVERGES = {**default_values(), "model.norm": "instance", "optimizer.learning_rate": 0.009}


@cache
def fitted() -> Surrogate:
    return fit_surrogate(record(LANDSCAPE, 110))


@cache
def unseen() -> list[Values]:
    """Configurations that no recording has, and that do not diverge."""
    random = np.random.default_rng(99)
    drawn: list[Values] = [draw_at_random(random) for _ in range(80)]
    whole = np.isfinite(LANDSCAPE.curves(drawn)[:, -1]) & np.isfinite(fitted().curves(drawn)[:, -1])
    return [values for values, ends in zip(drawn, whole, strict=True) if ends]


def rank(one: Floats, other: Floats) -> float:
    return float(spearmanr(one, other).statistic)


def test_values_of_configurations_that_were_not_recorded_are_in_order() -> None:
    found, true = (final_value(problem.curves(unseen())) for problem in (fitted(), LANDSCAPE))
    assert rank(found, true) > 0.8


def test_early_values_are_too() -> None:
    found, true = (problem.curves(unseen())[:, 1] for problem in (fitted(), LANDSCAPE))
    assert rank(found, true) > 0.8


def test_costs_are_relative_to_the_default() -> None:
    assert fitted().costs([default_values()])[0] == pytest.approx(1.0)
    assert fitted().costs(unseen()) == pytest.approx(LANDSCAPE.costs(unseen()), rel=0.15)


def test_times_of_a_busy_machine_are_no_cost() -> None:
    curves = record(LANDSCAPE, 110)
    slow = [replace(one, seconds=3 * (one.seconds or 0)) if one.trial < 4 else one for one in curves]
    assert fit_surrogate(slow).costs(unseen()) == pytest.approx(LANDSCAPE.costs(unseen()), rel=0.2)


def test_a_configuration_among_diverged_ones_diverges() -> None:
    curve = fitted().curves([DIVERGES])[0]
    assert np.isfinite(curve[:3]).all() and np.isnan(curve[3:]).all()


def test_the_best_is_better_than_the_default_and_in_the_space() -> None:
    best = find_best(LANDSCAPE, draws=300, rounds=4)
    assert best.value >= final_value(LANDSCAPE.curves([default_values()]))[0] + 0.05
    axes = {axis.path: axis for axis in searched()[0].axes}
    assert all(contains(axes[path], value) for path, value in best.values.items())


def test_noise_has_the_deviation_and_the_correlation_that_it_was_given() -> None:
    noise = Noise((0.01, 0.02, 0.04), lasting=0.5, memory=0.4)
    random = np.random.default_rng(0)
    drawn = np.array([noise.draw(random) for _ in range(20_000)])
    assert np.cov(drawn.T) == pytest.approx(noise.covariance(), rel=0.05)
    assert noise.covariance()[0, 2] == pytest.approx(0.01 * 0.04 * (0.5 + 0.5 * 0.4**2))


def test_the_noise_of_a_recording_is_found() -> None:
    found, freedom = estimate_noise(record(LANDSCAPE, 200, top=100, seeds=5), EPOCHS)
    assert freedom == 400
    assert found.deviation == pytest.approx(NOISE.deviation, rel=0.15)
    assert (found.lasting, found.memory) == pytest.approx((NOISE.lasting, NOISE.memory), abs=0.15)


def test_the_noise_of_a_value_is_that_between_its_seeds() -> None:
    curves = record(LANDSCAPE, 200, top=100, seeds=5)
    assert seed_deviation(curves)[0] == pytest.approx(NOISE.final(), rel=0.1)


def test_without_repeated_trainings_the_noise_is_assumed() -> None:
    found, freedom = estimate_noise(record(LANDSCAPE, 30, top=0), EPOCHS)
    assert freedom == 0 and found.deviation == ASSUMED.deviation * EPOCHS


def test_a_trial_that_was_repeated_for_its_value_is_no_measure_of_noise() -> None:
    """The luckiest of many: with it, the mean of its configuration would be too high."""
    assert len(find_residuals(record(LANDSCAPE, 30, top=2, seeds=3), EPOCHS)) == 6


def test_a_process_goes_through_points_without_noise_and_finds_the_axis_that_matters() -> None:
    points = np.random.default_rng(0).random((40, 2))
    values = np.sin(5 * points[:, 0])
    process = fit(points, (0, 1), values)
    assert process.predict(points) == pytest.approx(values, abs=0.02)
    assert process.theta[0] < process.theta[1]


def test_the_errors_are_told_beside_the_noise() -> None:
    curves = record(LANDSCAPE, 40, top=10, seeds=3)
    told = describe(fit_surrogate(curves), curves)
    assert "20 degrees of freedom" in told and "left out in 10 folds" in told
