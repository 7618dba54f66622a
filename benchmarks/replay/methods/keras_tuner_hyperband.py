"""KerasTuner's Hyperband: its oracle, called as its tuner calls it, without Keras models.

It imports Keras, so KERAS_BACKEND must name a backend that is installed, as `benchmarks/search_cost.py` does. The
choice is that of `get_best_trials`: by the best epoch of every trial that has ended, a short one included.
"""

from typing import Any

import keras_tuner

from benchmarks.replay.method import Task
from benchmarks.replay.problem import searched
from search.space.space import Space

ITERATIONS = 1000  # more than any budget allows


class KerasTunerHyperband:
    """A `Method`; the factor is 3, its default."""

    def __init__(self, seed: int, epochs: int) -> None:
        self._oracle: Any = keras_tuner.oracles.HyperbandOracle(
            objective=keras_tuner.Objective("value", "max"),
            max_epochs=epochs,
            hyperband_iterations=ITERATIONS,
            seed=seed + 1,  # 0 stands for any
            hyperparameters=_hyperparameters(searched()[0]),
        )
        self._oracle.verbose = 0
        self._oracle.save = self._oracle._save_trial = lambda *_: None  # nothing is to be resumed
        self._trials: dict[int, Any] = {}  # by training, the trial of its present part
        self._keys: dict[str, int] = {}  # of trials
        self._scores: dict[int, float] = {}
        self._asked = 0

    def ask(self) -> Task | None:
        """A new trial, or the next round of one, which goes on from its checkpoint."""
        self._asked += 1
        trial = self._oracle.create_trial(str(self._asked))
        if trial.status != "RUNNING":
            return None
        values = dict(trial.hyperparameters.values)
        before = values.get("tuner/trial_id")
        key = len(self._keys) if before is None else self._keys[before]
        self._keys[trial.trial_id], self._trials[key] = key, trial
        space = {path: value for path, value in values.items() if not path.startswith("tuner/")}
        if space["loss.name"] != "focal_tversky":
            space.pop("loss.gamma", None)
        return Task(key, space, int(values["tuner/epochs"]))

    def report(self, key: int, epoch: int, value: float) -> bool:
        """Ends the trial with its last epoch."""
        trial = self._trials[key]
        self._oracle.update_trial(trial.trial_id, {"value": value}, step=epoch)
        if epoch == trial.hyperparameters.values["tuner/epochs"]:
            self._end(key)
        return True

    def diverged(self, key: int) -> None:
        """Reported as the lowest value."""
        self._oracle.update_trial(self._trials[key].trial_id, {"value": 0.0}, step=0)
        self._end(key)

    def best(self) -> int | None:
        """By the best epoch of trials that have ended."""
        return max(self._scores, key=self._scores.__getitem__, default=None)

    def _end(self, key: int) -> None:
        trial = self._trials[key]
        trial.status = "COMPLETED"
        self._oracle.end_trial(trial)
        score = self._oracle.get_trial(trial.trial_id).score
        self._scores[key] = max(score, self._scores.get(key, score))


def _hyperparameters(space: Space) -> Any:
    found = keras_tuner.HyperParameters()
    for axis in space.axes:
        sampling = "log" if axis.log else "linear"
        if axis.kind == "choice":
            found.Choice(axis.path, list(axis.choices))
        elif axis.kind == "int":
            found.Int(axis.path, int(axis.low), int(axis.high), sampling=sampling)
        else:
            found.Float(axis.path, axis.low, axis.high, sampling=sampling)
    return found
