"""A made-up landscape over the space of the recorded plan, for tests and for trying methods before curves are recorded.

Its curves cross as real ones do: a high learning rate is ahead early, much augmentation late; some corners diverge.
"""

from dataclasses import dataclass

import numpy as np

from benchmarks.curves.table import Curve
from benchmarks.replay.problem import Floats, Noise, Values, default_values, final_value
from benchmarks.replay.random_draw import draw_at_random

EPOCHS = 20
SECONDS = 14.0  # of the default's epoch
LOSSES = {"cross_entropy": 0.0, "dice_ce": 0.02, "lovasz_ce": 0.03, "focal_tversky": -0.02}
NORMS = {"batch": 0.0, "group": -0.03, "instance": -0.05}
NOISE = Noise(tuple(0.035 - 0.015 * np.linspace(0, 1, EPOCHS)), lasting=0.6, memory=0.3)


@dataclass(frozen=True)
class Landscape:
    """A `Problem` that is written down."""

    noise: Noise = NOISE

    def curves(self, configurations: list[Values]) -> Floats:
        """The mean value after each epoch, (configurations, epochs); NaN from the epoch on in which it diverges."""
        return np.array([_curve(values) for values in configurations])

    def costs(self, configurations: list[Values]) -> Floats:
        """The time of an epoch, (configurations,), in epochs of the default configuration."""
        default = _cost(default_values())
        return np.array([_cost(values) / default for values in configurations])


def record(problem: Landscape, trials: int, seed: int = 0, top: int = 20, seeds: int = 3) -> list[Curve]:
    """Trainings as a recording has them: the default, random draws, and the best of them with other seeds."""
    random = np.random.default_rng(seed)
    drawn: list[Values] = [default_values(), *(draw_at_random(random) for _ in range(trials - 1))]
    first = [_train(problem, "plan", number, values, random) for number, values in enumerate(drawn)]
    best = sorted((one for one in first if one.value is not None), key=lambda one: -(one.value or 0))[:top]
    again = [(one.trial, one.values) for one in best for _ in range(seeds)]
    return first + [
        _train(problem, "plan.confirm", number, values, random, candidate)
        for number, (candidate, values) in enumerate(again)
    ]


def _train(
    problem: Landscape,
    study: str,
    number: int,
    values: Values,
    random: np.random.Generator,
    candidate: int | None = None,
) -> Curve:
    mean = problem.curves([values])[0]
    curve = np.clip(mean + problem.noise.draw(random), 0, 1)
    reached = curve[np.isfinite(mean)]
    whole = len(reached) == len(mean)
    seconds = SECONDS * float(problem.costs([values])[0]) * len(reached) * float(random.lognormal(0, 0.05))
    value = float(final_value(curve)) if whole else None
    state = "complete" if whole else "pruned"
    return Curve(study, number, candidate, state, value, None, seconds, dict(values), tuple(map(float, reached)))


def _curve(values: Values) -> Floats:
    rate = np.log(values["optimizer.learning_rate"] / 0.003)
    load = values["augment.chance"] / 3 * values["augment.strength"] / 2 + values["augment.cutmix"]  # 0..1.6
    exponent, decay = values["loss.weight_exponent"], np.log10(values["optimizer.weight_decay"] / 0.01)
    quality = (
        0.52
        - 0.05 * (rate - 0.3 * (load - 0.6)) ** 2
        - 0.12 * (load - 0.55) ** 2
        - 0.10 * (exponent - 0.35) ** 2
        - 0.008 * decay**2
        - 0.03 * np.log(values["data.oversample"] / 3) ** 2 * (1 - exponent)
        + LOSSES[values["loss.name"]]
        + NORMS[values["model.norm"]] * (1 + rate / 3)
        + 0.02 * (values["model.depth"] - 3) * (1 if values["model.se"] else -0.5)
        + 0.01 * values["model.attention"]
        - 0.04 * abs(values.get("loss.gamma", 1.0) - 0.8)
    )
    delay = 3.0 * np.exp(1.1 * load - 0.45 * rate)  # epochs
    curve = quality * (1 - 0.75 * np.exp(-np.arange(1, EPOCHS + 1) / delay))
    if rate > 0.8 and values["model.norm"] == "instance":
        curve[3:] = np.nan
    return np.asarray(np.clip(curve, 0.0, 1.0))


def _cost(values: Values) -> float:
    factors = (
        0.8 + 0.1 * (values["model.depth"] - 2),
        1.15 if values["model.se"] else 1.0,
        1.2 if values["model.attention"] else 1.0,
        1.0 + 0.05 * values["augment.chance"],
        1.1 if values["loss.name"] == "lovasz_ce" else 1.0,
    )
    return float(np.prod(factors))
