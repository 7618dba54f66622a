"""Importances of a study that is maximised."""

import optuna
from optuna.samplers import RandomSampler

from search.report.gather import compute_importances


def value(trial: optuna.Trial) -> float:
    """`important` decides the best tenth, `harmful` the worst one alone."""
    important, harmful = (trial.suggest_float(name, 0, 1) for name in ("important", "harmful"))
    trial.suggest_categorical("noise", ["a", "b", "c"])
    return float(important > 0.85) + 0.01 * important - 5 * float(harmful < 0.1)


def test_what_makes_trials_good_comes_first() -> None:
    study = optuna.create_study(direction="maximize", sampler=RandomSampler(seed=1))
    study.optimize(value, n_trials=100)
    found = compute_importances(study)
    assert next(iter(found)) == "important"
    assert found["important"] > 0.8 and abs(sum(found.values()) - 1) < 1e-9
