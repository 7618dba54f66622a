"""The sampler: a new TPE sampler for every trial, or random sampling where TPE only repeats configurations."""

from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any, cast

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.search_space import IntersectionSearchSpace, intersection_search_space
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState
from typing_extensions import override

from search.space.axis import Value
from search.space.space import trial_seed
from storage.studies.attributes import is_outside

FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)
ReadTrials = Callable[[], list[FrozenTrial]]


class _SpaceOfDrawn(IntersectionSearchSpace):
    """The parameters that all trials have, but for those of starts outside the space.

    Such a start lacks the parameters outside their axes, and would have TPE sample these by themselves ever after.
    Nothing is remembered of trials before, so that a restarted worker has the same space. Trials that share their
    distributions, as those of a window do, are compared once.
    """

    @override
    def calculate(self, study: Study, use_cache: bool = False) -> dict[str, BaseDistribution]:
        trials = study._get_trials(deepcopy=False, states=FINISHED, use_cache=use_cache)
        drawn = [trial for trial in trials if not is_outside(trial.user_attrs)]
        different = {tuple((name, id(axis)) for name, axis in trial.distributions.items()): trial for trial in drawn}
        return intersection_search_space(list(different.values()), include_pruned=True)


class _SampledStudy:
    """A study as TPE sees it: with the trials that were read when the trial to be sampled began."""

    def __init__(self, study: Study, trials: list[FrozenTrial]) -> None:
        self._study, self._trials = study, trials

    def __getattr__(self, name: str) -> Any:
        return getattr(self._study, name)

    def _get_trials(
        self, deepcopy: bool, states: Container[TrialState] | None = None, use_cache: bool = False
    ) -> list[FrozenTrial]:
        return [trial for trial in self._trials if states is None or trial.state in states]


class SeededSampler(BaseSampler):
    """Delegates to a TPE sampler (multivariate, constant liar: Optuna 5's defaults) that is reseeded for each trial.

    The seed derives from the study's seed, its data and the trial's number, so that a restarted worker samples what it
    would have sampled without the restart, and no two workers or data sets sample alike.

    Args:
        seed: the study's.
        fingerprint: of its data.
        read_trials: returns the trials to sample from, by number; by default all of the study.
        startup: draws the trials before TPE has enough to learn from; by default as at random.
    """

    def __init__(
        self,
        seed: int,
        fingerprint: str = "",
        read_trials: ReadTrials | None = None,
        startup: RandomSampler | None = None,
    ) -> None:
        self._seed, self._fingerprint, self._read_trials = seed, fingerprint, read_trials
        self._trials: list[FrozenTrial] = []
        self._at_random = False
        self._fixed: Mapping[str, Value] = {}
        self._random, self._tpe = RandomSampler(seed), TPESampler(seed=seed)
        self._tpe._search_space = _SpaceOfDrawn(include_pruned=True)
        if startup is not None:
            self._tpe._random_sampler = startup
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
        if self._delegate is self._tpe:  # here, since a trial's values are drawn in a transaction that must be short
            self._trials = self._read_trials() if self._read_trials else study.get_trials(deepcopy=False)
        self._delegate.before_trial(study, trial)

    @override
    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._delegate.infer_relative_search_space(self._sampled(study), trial)

    @override
    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return self._delegate.sample_relative(self._sampled(study), trial, search_space)

    @override
    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        if param_name in self._fixed:
            return self._fixed[param_name]
        return self._delegate.sample_independent(self._sampled(study), trial, param_name, param_distribution)

    @override
    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        self._delegate.after_trial(study, trial, state, values)

    def _sampled(self, study: Study) -> Study:
        return cast(Study, _SampledStudy(study, self._trials))
