"""Random draws from the space by its own rules, without a study: thousands take no time."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import optuna

from benchmarks.replay.problem import searched
from search.space.space import draw


class _Dice:
    """As much of a trial as `draw` asks of one."""

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random

    def suggest_categorical(self, _: str, choices: Sequence[Any]) -> Any:
        return choices[int(self._random.integers(len(choices)))]

    def suggest_int(self, _: str, low: int, high: int, step: int, log: bool) -> int:
        if log:
            found = round(np.exp(self._random.uniform(np.log(low - 0.5), np.log(high + 0.5))))
            return int(min(max(found, low), high))
        return low + step * int(self._random.integers((high - low) // step + 1))

    def suggest_float(self, _: str, low: float, high: float, step: float | None, log: bool) -> float:
        if step is not None:
            return low + step * int(self._random.integers(round((high - low) / step) + 1))
        if log:
            return float(np.exp(self._random.uniform(np.log(low), np.log(high))))
        return float(self._random.uniform(low, high))


def draw_at_random(random: np.random.Generator) -> dict[str, Any]:
    """A configuration, on each axis that applies."""
    space, base = searched()
    return dict(draw(cast(optuna.trial.BaseTrial, _Dice(random)), space, base))
