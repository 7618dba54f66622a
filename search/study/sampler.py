"""The sampler: a new TPE sampler for every trial, or random sampling where TPE only repeats configurations."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.search_space import IntersectionSearchSpace
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState
from typing_extensions import override

from search.space.axis import Value
from search.space.space import trial_seed
from storage.studies.attributes import is_outside


class _SpaceOfDrawn(IntersectionSearchSpace):
    """The parameters that all trials have, but for those of starts outside the space.

    Such a start lacks the parameters outside their axes, and would have TPE sample these by themselves ever after.
    """

    @override
    def calculate(self, study: Study, use_cache: bool = False) -> dict[str, BaseDistribution]:
        return super().calculate(cast(Study, _DrawnTrials(study)), use_cache)


class _DrawnTrials:
    """As much of a study as `IntersectionSearchSpace` looks at."""

    def __init__(self, study: Study) -> None:
        self._study, self._study_id = study, study._study_id

    def _get_trials(self, deepcopy: bool, use_cache: bool) -> list[FrozenTrial]:
        trials = self._study._get_trials(deepcopy=deepcopy, use_cache=use_cache)
        return [trial for trial in trials if not is_outside(trial.user_attrs)]


class SeededSampler(BaseSampler):
    """Delegates to a TPE sampler (multivariate, constant liar: Optuna 5's defaults) that is reseeded for each trial.

    The seed derives from the study's seed, its data and the trial's number, so that a restarted worker samples what it
    would have sampled without the restart, and no two workers or data sets sample alike. The TPE sampler stays, since
    it remembers which trials its search space is derived from.
    """

    def __init__(self, seed: int, fingerprint: str = "") -> None:
        self._seed, self._fingerprint = seed, fingerprint
        self._at_random = False
        self._fixed: Mapping[str, Value] = {}
        self._random, self._tpe = RandomSampler(seed), TPESampler(seed=seed)
        self._tpe._search_space = _SpaceOfDrawn(include_pruned=True)
        self._delegate: BaseSampler = self._random

    def sample_by_model(self) -> None:
        """From the next trial on, samples by TPE."""
        self._at_random, self._fixed = False, {}

    def sample_at_random(self, fixed: Mapping[str, Value] | None = None) -> None:
        """From the next trial on, samples at random; parameters of `fixed` take its values."""
        self._at_random, self._fixed = True, fixed or {}

    @override
    def reseed_rng(self) -> None:
        pass  # every trial has a seed of its own

    @override
    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        seed = trial_seed(self._seed, self._fingerprint, trial.number)
        for generator in (self._random._rng, self._tpe._rng, self._tpe._random_sampler._rng):
            generator.rng.seed(seed)
        self._delegate = self._random if self._at_random else self._tpe
        self._delegate.before_trial(study, trial)

    @override
    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._delegate.infer_relative_search_space(study, trial)

    @override
    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return self._delegate.sample_relative(study, trial, search_space)

    @override
    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        if param_name in self._fixed:
            return self._fixed[param_name]
        return self._delegate.sample_independent(study, trial, param_name, param_distribution)

    @override
    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        self._delegate.after_trial(study, trial, state, values)
