"""The product's search, and variants of it that are candidates for its defaults."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from optuna.pruners import BasePruner, MedianPruner, NopPruner, PercentilePruner, SuccessiveHalvingPruner
from optuna.samplers import BaseSampler, GPSampler, TPESampler
from optuna.trial import TrialState

from benchmarks.replay.methods.ends import with_likely_ends
from benchmarks.replay.methods.optuna_study import OptunaStudy
from benchmarks.replay.methods.promoted import PromotedStudy
from benchmarks.replay.methods.pruners import ExtrapolationPruner, NoisePruner, OncePruner, StartedPruner
from benchmarks.replay.methods.repeated import RepeatedStudy
from benchmarks.replay.problem import default_values
from search.study.nearby import NearbySampler
from search.study.plan import StudyTable
from search.study.pruner import SparingPruner
from search.study.sampler import SeededSampler

Rule = Literal["none", "median", "halving", "noise", "extrapolation", "once"]


@dataclass(frozen=True)
class Options:
    """How a search draws and prunes; by default as the product."""

    sampler: Literal["tpe", "gp"] = "tpe"
    startup: int = 10  # trials at random before TPE's
    near: float = StudyTable().near_base
    good: float = 0.1  # share of trials that TPE takes for good, at most 25
    multivariate: bool = True
    pruner: Rule = StudyTable().pruner
    warmup: float = StudyTable().warmup  # share of the epochs
    pruner_startup: int = StudyTable().startup_trials  # complete trials before the first is pruned
    kept: float = 50.0  # per cent: a trial goes on that would be among so many of the complete ones
    factor: int = StudyTable().reduction_factor  # of halving
    limit: float = 1.0  # standard deviations, of the rule on noise
    share: float = 0.25  # of the trials: the best, of the rule on noise; those that go on, where it is decided once
    rank: int = 1  # of the complete trial that an extrapolated one must reach
    promoted: float = 0.0  # share of the epochs after which all pause, and the best go on; 0 for none
    default_first: bool = True
    ends: bool = False  # whether the sampler sees pruned trials with their likely ends
    times: int = 1  # trainings of a leader, before it is believed


def make_ours(seed: int, epochs: int, options: Options = Options()) -> OptunaStudy:
    """A fresh search."""
    warmup = max(1, round(options.warmup * epochs))
    sampler, pruner = _make_sampler(seed, options), _make_pruner(options, warmup)
    if options.promoted:
        return PromotedStudy(sampler, epochs, max(1, round(options.promoted * epochs)), options.factor)
    study = _make_study(sampler, pruner, epochs, options)
    if options.ends:
        assert isinstance(sampler, SeededSampler)
        sampler._read_trials = lambda: with_likely_ends(study.study.get_trials(deepcopy=False))
    return study


def _make_study(sampler: BaseSampler, pruner: BasePruner, epochs: int, options: Options) -> OptunaStudy:
    if options.times > 1:
        return RepeatedStudy(sampler, pruner, epochs, options.default_first, TrialState.PRUNED, options.times)
    return OptunaStudy(sampler, pruner, epochs, options.default_first, TrialState.PRUNED)


def _make_sampler(seed: int, options: Options) -> BaseSampler:
    if options.sampler == "gp":
        return GPSampler(seed=seed, n_startup_trials=options.startup)
    sampler = SeededSampler(seed)
    tpe = TPESampler(seed=seed, n_startup_trials=options.startup, multivariate=options.multivariate)
    tpe._gamma = partial(_count_good, options.good)  # the argument for it is deprecated
    tpe._search_space = sampler._tpe._search_space
    tpe._random_sampler = NearbySampler(seed, default_values(), options.near)
    sampler._tpe = tpe
    return sampler


def _count_good(share: float, trials: int) -> int:
    return min(-int(-share * trials // 1), 25)


def _make_pruner(options: Options, warmup: int) -> BasePruner:
    rules: dict[Rule, Callable[[], BasePruner]] = {
        "none": NopPruner,
        # Optuna's own, which documents the decision that the product's takes by SQL.
        "median": lambda: (
            MedianPruner(options.pruner_startup, warmup)
            if options.kept == 50
            else PercentilePruner(options.kept, options.pruner_startup, warmup)
        ),
        "halving": lambda: StartedPruner(SuccessiveHalvingPruner(warmup, options.factor), options.pruner_startup),
        "noise": lambda: NoisePruner(warmup, options.share, options.limit, startup=options.pruner_startup),
        "extrapolation": lambda: ExtrapolationPruner(warmup, options.rank),
        "once": lambda: OncePruner(warmup, options.share, options.pruner_startup),
    }
    pruner = rules[options.pruner]()
    return pruner if options.pruner == "none" else SparingPruner(pruner)
