"""How a trial is drawn: TPE that starts afresh for every trial, and at random where TPE only repeats itself."""

from collections.abc import Mapping, Sequence
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from search.space.axis import Value
from search.space.space import trial_seed


class SeededSampler(BaseSampler):
    """Delegates to a TPE (multivariate, with constant liar: Optuna 5's defaults) made for each trial.

    Its seed comes from the study's and the trial's number, so a worker that was restarted draws what it would have
    drawn, and no two workers draw alike.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._at_random = False
        self._fixed: Mapping[str, Value] = {}
        self._inner: BaseSampler = RandomSampler(seed)

    def use_model(self) -> None:
        """From the next trial on, draws by TPE."""
        self._at_random, self._fixed = False, {}

    def use_chance(self, fixed: Mapping[str, Value] | None = None) -> None:
        """From the next trial on, draws at random; parameters of `fixed` take its values."""
        self._at_random, self._fixed = True, fixed or {}

    def reseed_rng(self) -> None:
        """Does nothing: every trial has a seed of its own."""

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        seed = trial_seed(self._seed, trial.number)
        self._inner = RandomSampler(seed) if self._at_random else TPESampler(seed=seed)
        self._inner.before_trial(study, trial)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._inner.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return self._inner.sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        if param_name in self._fixed:
            return self._fixed[param_name]
        return self._inner.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        self._inner.after_trial(study, trial, state, values)
