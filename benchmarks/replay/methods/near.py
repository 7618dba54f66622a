"""Random draws that stay near the default configuration, in place of uniform ones, as a candidate for the start-up.

The idea of a prior around what experts would choose is PriorBand's (Mallik et al. 2023).
"""

from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial
from typing_extensions import override

from benchmarks.replay.problem import Values

SPREAD = 0.15  # of a range: the standard deviation of what is drawn near a value


class NearSampler(RandomSampler):
    """Draws each parameter by itself.

    Args:
        seed: of the draws.
        default: values by name.
        chance: of a value near the default's, else one of the whole axis.
    """

    def __init__(self, seed: int, default: Values, chance: float) -> None:
        super().__init__(seed)
        self._default, self._chance = default, chance

    @override
    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        random, default = self._rng.rng, self._default.get(param_name)
        if default is None or random.uniform() >= self._chance:
            return super().sample_independent(study, trial, param_name, param_distribution)
        if isinstance(param_distribution, CategoricalDistribution):
            return default
        assert isinstance(param_distribution, IntDistribution | FloatDistribution)
        return _draw_near(param_distribution, default, random)


def _draw_near(axis: IntDistribution | FloatDistribution, default: float, random: np.random.RandomState) -> float:
    scale, back = (np.log, np.exp) if axis.log else (float, float)
    low, high = scale(axis.low), scale(axis.high)
    found = float(back(np.clip(random.normal(scale(default), SPREAD * (high - low)), low, high)))
    if axis.step is not None:
        found = axis.low + axis.step * round((found - axis.low) / axis.step)
    found = min(max(found, axis.low), axis.high)
    return round(found) if isinstance(axis, IntDistribution) else found
