"""The draws before a sampler has learned anything: around the base configuration, on some axes, in place of anywhere.

The idea of a prior around what experts would choose is PriorBand's (Mallik et al. 2023); docs/search.md has what it is
worth.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial
from typing_extensions import override

from search.space.axis import Value
from search.space.space import space_size
from search.study.plan import Plan
from search.study.warmstart import default_start

FEWEST = 1000  # configurations of a space; in a smaller one, draws near the base would mostly repeat each other
SPREAD = 0.15  # of a range, or of its logarithm: the standard deviation of what is drawn near a value


class NearbySampler(RandomSampler):
    """Draws each parameter by itself.

    Args:
        seed: of the draws.
        base: values by name; a parameter without one is drawn from its whole range.
        chance: of a value near the base's.
    """

    def __init__(self, seed: int, base: Mapping[str, Value], chance: float) -> None:
        super().__init__(seed)
        self._base, self._chance = base, chance

    @override
    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        random, value = self._rng.rng, self._base.get(param_name)
        if not self._chance or value is None or random.uniform() >= self._chance:
            return super().sample_independent(study, trial, param_name, param_distribution)
        if isinstance(param_distribution, CategoricalDistribution):
            return value
        assert isinstance(param_distribution, IntDistribution | FloatDistribution)
        return _draw_near(param_distribution, float(value), random)


def make_startup(plan: Plan) -> NearbySampler:
    """That of a study."""
    size = space_size(plan.space, plan.base)
    chance = plan.study.near_base if size is None or size >= FEWEST else 0.0
    return NearbySampler(plan.study.seed, default_start(plan.base, plan.space).values, chance)


def _draw_near(axis: IntDistribution | FloatDistribution, value: float, random: np.random.RandomState) -> float:
    scale, back = (np.log, np.exp) if axis.log else (float, float)
    low, high = scale(axis.low), scale(axis.high)
    found = float(back(random.normal(scale(value), SPREAD * (high - low))))
    if axis.step is not None:
        found = axis.low + axis.step * round((found - axis.low) / axis.step)
    found = min(max(found, axis.low), axis.high)
    return round(found) if isinstance(axis, IntDistribution) else found
