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

BEFORE = Options(pruner="median", factor=3)  # what the variants change one thing of, or two
VARIANTS = {
    "median": BEFORE,
    "no pruner": replace(BEFORE, pruner="none"),
    "median, warm-up 0.1": replace(BEFORE, warmup=0.1),
    "median, warm-up 0.5": replace(BEFORE, warmup=0.5),
    "best three quarters": replace(BEFORE, kept=75.0),
    "best quarter": replace(BEFORE, kept=25.0),
    "best quarter, warm-up 0.1": replace(BEFORE, kept=25.0, warmup=0.1),
    "halving by 3 from 0.1": replace(BEFORE, pruner="halving", pruner_startup=0, warmup=0.1),
    "halving by 4 from 0.1": replace(BEFORE, pruner="halving", pruner_startup=0, warmup=0.1, factor=4),
    "halving by 3 from 0.25": replace(BEFORE, pruner="halving", pruner_startup=0),
    "noise, 1 deviation": replace(BEFORE, pruner="noise", warmup=0.15),
    "noise, 0 deviations": replace(BEFORE, pruner="noise", warmup=0.15, limit=0.0),
    "noise, 2 deviations": replace(BEFORE, pruner="noise", warmup=0.15, limit=2.0),
    "extrapolation to the best": replace(BEFORE, pruner="extrapolation", warmup=0.1),
    "extrapolation to the 3rd best": replace(BEFORE, pruner="extrapolation", warmup=0.1, rank=3),
    "once at 0.25, a quarter goes on": replace(BEFORE, pruner="once"),
    "once at 0.1, a quarter goes on": replace(BEFORE, pruner="once", warmup=0.1),
    "once at 0.25, half goes on": replace(BEFORE, pruner="once", share=0.5),
    "once at 0.5, half goes on": replace(BEFORE, pruner="once", warmup=0.5, share=0.5),
    "likely ends": replace(BEFORE, ends=True),
    "likely ends, median, warm-up 0.5": replace(BEFORE, ends=True, warmup=0.5),
    "likely ends, best three quarters": replace(BEFORE, ends=True, kept=75.0),
    "likely ends, once at 0.25, half goes on": replace(BEFORE, ends=True, pruner="once", share=0.5),
    "likely ends, once at 0.25, a quarter goes on": replace(BEFORE, ends=True, pruner="once"),
    "likely ends, halving by 3 from 0.1": replace(BEFORE, ends=True, pruner="halving", pruner_startup=0, warmup=0.1),
    "likely ends, halving by 3 from 0.25": replace(BEFORE, ends=True, pruner="halving", pruner_startup=0),
    "likely ends, noise, 2 deviations": replace(BEFORE, ends=True, pruner="noise", warmup=0.15, limit=2.0),
    "likely ends, leaders three times": replace(BEFORE, ends=True, times=3),
    "halving by 2 from 0.25": replace(BEFORE, pruner="halving", pruner_startup=0, factor=2),
    "halving by 2 from 0.25 after 4": replace(BEFORE, pruner="halving", factor=2),
    "halving by 2 from 0.1": replace(BEFORE, pruner="halving", pruner_startup=0, factor=2, warmup=0.1),
    "halving by 2 from 0.5": replace(BEFORE, pruner="halving", pruner_startup=0, factor=2, warmup=0.5),
    "likely ends, halving by 2 from 0.25": replace(BEFORE, ends=True, pruner="halving", pruner_startup=0, factor=2),
    "near 0.75, likely ends, halving by 3 from 0.25": replace(
        BEFORE, near=0.75, ends=True, pruner="halving", pruner_startup=0
    ),
    "near 0.75, halving by 3 from 0.25": replace(BEFORE, near=0.75, pruner="halving", pruner_startup=0),
    "start-up 20, halving by 3 from 0.1": replace(BEFORE, startup=20, pruner="halving", pruner_startup=0, warmup=0.1),
    "once at 0.25, a tenth goes on": replace(BEFORE, pruner="once", share=0.1),
    "promoted from 0.1, one of 4": replace(BEFORE, promoted=0.1, factor=4),
    "promoted from 0.25, one of 4": replace(BEFORE, promoted=0.25, factor=4),
    "start-up 5": replace(BEFORE, startup=5),
    "start-up 20": replace(BEFORE, startup=20),
    "start-up anywhere": replace(BEFORE, near=0.0),
    "start-up near the default, 0.75": replace(BEFORE, near=0.75),
    "near 0.75, halving by 3 from 0.1": replace(BEFORE, near=0.75, pruner="halving", pruner_startup=0, warmup=0.1),
    "near 0.75, halving by 4 from 0.1": replace(
        BEFORE, near=0.75, pruner="halving", pruner_startup=0, warmup=0.1, factor=4
    ),
    "near 0.75, start-up 20, halving by 3": replace(
        BEFORE, near=0.75, startup=20, pruner="halving", pruner_startup=0, warmup=0.1
    ),
    "leaders twice": replace(BEFORE, times=2),
    "leaders three times": replace(BEFORE, times=3),
    "leaders three times, near 0.75": replace(BEFORE, times=3, near=0.75),
    "leaders three times, near 0.75, start-up 20, halving by 3": replace(
        BEFORE, times=3, near=0.75, startup=20, pruner="halving", pruner_startup=0, warmup=0.1
    ),
    "leaders three times, halving by 3 from 0.1": replace(
        BEFORE, times=3, pruner="halving", pruner_startup=0, warmup=0.1
    ),
    "a quarter of the trials good": replace(BEFORE, good=0.25),
    "one axis at a time": replace(BEFORE, multivariate=False),
    "without the default": replace(BEFORE, default_first=False),
    "Gaussian process": replace(BEFORE, sampler="gp"),
    "Gaussian process, extrapolation": replace(BEFORE, sampler="gp", pruner="extrapolation", warmup=0.1),
}


def variants() -> dict[str, Make]:
    """Candidates for the product's search."""
    return {name: partial(make_ours, options=options) for name, options in VARIANTS.items()}


def methods() -> dict[str, Make]:
    """Ours and the peers."""
    return {
        OURS: make_ours,
        "without our default": lambda seed, epochs: make_ours(seed, epochs, Options(default_first=False, near=0.0)),
        "the report's plan: TPE, no pruning": lambda seed, epochs: make_ours(
            seed, epochs, Options(pruner="none", default_first=False, near=0.0)
        ),
        "random, no pruning": lambda seed, epochs: OptunaStudy(
            optuna.samplers.RandomSampler(seed=seed), optuna.pruners.NopPruner(), epochs
        ),
        "Optuna: TPE, median": _optuna(lambda _: optuna.pruners.MedianPruner()),
        "Optuna: TPE, median, our default first": _optuna(lambda _: optuna.pruners.MedianPruner(), default_first=True),
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


def _optuna(pruner: Callable[[int], optuna.pruners.BasePruner], default_first: bool = False) -> Make:
    """Optuna's default sampler with one of its pruners."""
    return lambda seed, epochs: OptunaStudy(
        optuna.samplers.TPESampler(seed=seed), pruner(epochs), epochs, default_first, diverged=TrialState.FAIL
    )


def _lazy(module: str, method: str, **options: object) -> Make:
    def make(seed: int, epochs: int) -> Method:
        made: Method = getattr(import_module(f"benchmarks.replay.methods.{module}"), method)(seed, epochs, **options)
        return made

    return make
