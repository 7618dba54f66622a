"""The methods that are compared, by name; libraries are imported when one of theirs is made."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib import import_module

import optuna
from optuna.trial import TrialState

from benchmarks.replay.method import Method
from benchmarks.replay.methods.cutoff import Cutoff
from benchmarks.replay.methods.optuna_study import OptunaStudy
from benchmarks.replay.methods.ours import Options, make_ours

Make = Callable[[int, int], Method]  # of a seed and the epochs of a whole training
OURS = "ours"
PATIENCE = 3  # epochs, which PatientPruner's users have to choose

DEFAULT = Options()
VARIANTS = {
    "no pruner": replace(DEFAULT, pruner="none"),
    "median, warm-up 0.1": replace(DEFAULT, warmup=0.1),
    "median, warm-up 0.5": replace(DEFAULT, warmup=0.5),
    "best three quarters": replace(DEFAULT, kept=75.0),
    "best quarter": replace(DEFAULT, kept=25.0),
    "best quarter, warm-up 0.1": replace(DEFAULT, kept=25.0, warmup=0.1),
    "halving by 3 from 0.1": replace(DEFAULT, pruner="halving", warmup=0.1),
    "halving by 4 from 0.1": replace(DEFAULT, pruner="halving", warmup=0.1, factor=4),
    "halving by 3 from 0.25": replace(DEFAULT, pruner="halving"),
    "noise, 1 deviation": replace(DEFAULT, pruner="noise", warmup=0.15),
    "noise, 0 deviations": replace(DEFAULT, pruner="noise", warmup=0.15, limit=0.0),
    "noise, 2 deviations": replace(DEFAULT, pruner="noise", warmup=0.15, limit=2.0),
    "extrapolation to the best": replace(DEFAULT, pruner="extrapolation", warmup=0.1),
    "extrapolation to the 3rd best": replace(DEFAULT, pruner="extrapolation", warmup=0.1, rank=3),
    "once at 0.25, a quarter goes on": replace(DEFAULT, pruner="once"),
    "once at 0.1, a quarter goes on": replace(DEFAULT, pruner="once", warmup=0.1),
    "once at 0.25, half goes on": replace(DEFAULT, pruner="once", share=0.5),
    "once at 0.5, half goes on": replace(DEFAULT, pruner="once", warmup=0.5, share=0.5),
    "likely ends": replace(DEFAULT, ends=True),
    "likely ends, median, warm-up 0.5": replace(DEFAULT, ends=True, warmup=0.5),
    "likely ends, best three quarters": replace(DEFAULT, ends=True, kept=75.0),
    "likely ends, once at 0.25, half goes on": replace(DEFAULT, ends=True, pruner="once", share=0.5),
    "likely ends, once at 0.25, a quarter goes on": replace(DEFAULT, ends=True, pruner="once"),
    "likely ends, halving by 3 from 0.1": replace(DEFAULT, ends=True, pruner="halving", warmup=0.1),
    "likely ends, halving by 3 from 0.25": replace(DEFAULT, ends=True, pruner="halving"),
    "likely ends, noise, 2 deviations": replace(DEFAULT, ends=True, pruner="noise", warmup=0.15, limit=2.0),
    "likely ends, leaders three times": replace(DEFAULT, ends=True, times=3),
    "once at 0.25, a tenth goes on": replace(DEFAULT, pruner="once", share=0.1),
    "promoted from 0.1, one of 4": replace(DEFAULT, promoted=0.1, factor=4),
    "promoted from 0.25, one of 4": replace(DEFAULT, promoted=0.25, factor=4),
    "start-up 5": replace(DEFAULT, startup=5),
    "start-up 20": replace(DEFAULT, startup=20),
    "start-up anywhere": replace(DEFAULT, near=0.0),
    "start-up near the default, 0.75": replace(DEFAULT, near=0.75),
    "near 0.75, halving by 3 from 0.1": replace(DEFAULT, near=0.75, pruner="halving", warmup=0.1),
    "near 0.75, halving by 4 from 0.1": replace(DEFAULT, near=0.75, pruner="halving", warmup=0.1, factor=4),
    "near 0.75, start-up 20, halving by 3": replace(DEFAULT, near=0.75, startup=20, pruner="halving", warmup=0.1),
    "leaders twice": replace(DEFAULT, times=2),
    "leaders three times": replace(DEFAULT, times=3),
    "leaders three times, near 0.75": replace(DEFAULT, times=3, near=0.75),
    "leaders three times, near 0.75, start-up 20, halving by 3": replace(
        DEFAULT, times=3, near=0.75, startup=20, pruner="halving", warmup=0.1
    ),
    "leaders three times, halving by 3 from 0.1": replace(DEFAULT, times=3, pruner="halving", warmup=0.1),
    "a quarter of the trials good": replace(DEFAULT, good=0.25),
    "one axis at a time": replace(DEFAULT, multivariate=False),
    "without the default": replace(DEFAULT, default_first=False),
    "Gaussian process": replace(DEFAULT, sampler="gp"),
    "Gaussian process, extrapolation": replace(DEFAULT, sampler="gp", pruner="extrapolation", warmup=0.1),
}


def variants() -> dict[str, Make]:
    """The product's search with one thing changed, or two."""
    return {name: partial(make_ours, options=options) for name, options in VARIANTS.items()}


def methods() -> dict[str, Make]:
    """Ours and the peers."""
    return {
        OURS: make_ours,
        "the report's plan: TPE, no pruning": lambda seed, epochs: make_ours(
            seed, epochs, Options(pruner="none", default_first=False, near=0.0)
        ),
        "random, no pruning": lambda seed, epochs: OptunaStudy(
            optuna.samplers.RandomSampler(seed=seed), optuna.pruners.NopPruner(), epochs
        ),
        "Optuna: TPE, median": _optuna(lambda _: optuna.pruners.MedianPruner()),
        "Optuna: TPE, Hyperband": _optuna(lambda epochs: optuna.pruners.HyperbandPruner(max_resource=epochs)),
        "Optuna: TPE, successive halving": _optuna(lambda _: optuna.pruners.SuccessiveHalvingPruner()),
        # Its steps are instances of a problem, in any order; epochs are the nearest that a training has.
        "Optuna: TPE, Wilcoxon": _optuna(lambda _: optuna.pruners.WilcoxonPruner()),
        "Optuna: TPE, patient median": _optuna(
            lambda _: optuna.pruners.PatientPruner(optuna.pruners.MedianPruner(), PATIENCE)
        ),
        "Optuna: Gaussian process": lambda seed, epochs: OptunaStudy(
            optuna.samplers.GPSampler(seed=seed), optuna.pruners.NopPruner(), epochs
        ),
        "one epoch, 3 of 60 whole (Egele)": lambda seed, epochs: Cutoff(seed, epochs, first=1),
        "a quarter, 3 of 60 whole": lambda seed, epochs: Cutoff(seed, epochs, first=max(1, epochs // 4)),
        "KerasTuner: Hyperband": _lazy("keras_tuner_hyperband", "KerasTunerHyperband"),
        "Ray Tune: ASHA, random": _lazy("ray_tune", "RayAsha", optuna=False),
        "Ray Tune: ASHA, OptunaSearch": _lazy("ray_tune", "RayAsha", optuna=True),
        "Syne Tune: ASHA, random": _lazy("syne_tune_asha", "SyneTuneAsha", name="ASHA"),
        "Syne Tune: ASHA, CQR": _lazy("syne_tune_asha", "SyneTuneAsha", name="ASHACQR"),
        "Syne Tune: BOHB": _lazy("syne_tune_asha", "SyneTuneAsha", name="BOHB"),
    }


LEFT_OUT = {
    "Optuna: AutoSampler": "it is downloaded from OptunaHub when it is made; for one objective of few trials it draws "
    "by Optuna's Gaussian process, which is compared",
    "Syne Tune: MOBSTER, DyHPO": "no longer part of its releases",
    "Syne Tune: ASHA, BORE": "a search of 80 trials took minutes; CQR is its authors' later work",
}


def reason_missing(make: Make) -> str | None:
    """Why a method cannot be made here; None where it can."""
    try:
        make(0, 20)
    except ImportError as error:
        return str(error)
    return None


def _optuna(pruner: Callable[[int], optuna.pruners.BasePruner]) -> Make:
    """Optuna's default sampler with one of its pruners."""
    return lambda seed, epochs: OptunaStudy(
        optuna.samplers.TPESampler(seed=seed), pruner(epochs), epochs, diverged=TrialState.FAIL
    )


def _lazy(module: str, method: str, **options: object) -> Make:
    def make(seed: int, epochs: int) -> Method:
        made: Method = getattr(import_module(f"benchmarks.replay.methods.{module}"), method)(seed, epochs, **options)
        return made

    return make
