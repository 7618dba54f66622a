"""Candidates by the mean of their repetitions, and how sure their order is. NumPy only.

Two things make a value uncertain: which images validate, and the seed. The first is drawn again, by
`trainer/certainty.py`, the same draws for all candidates, so that it is compared in pairs; of the second the deviation
is estimated from all candidates together, as each has a few repetitions only.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search.confirm.repeats import Repeat
from search.study.scoring import Scoring
from search.study.ties import LEAST_CHANCE, chance_to_beat
from trainer.certainty import DRAWS, interval, resample
from trainer.metric import metric_value
from trainer.training.metrics import score

LEAST_REPEATS = 2  # before a candidate is given up: from one, nobody knows what a seed changes
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Standing:
    """A candidate after its repetitions."""

    candidate: int  # number of its trial in the searched study
    values: tuple[float, ...]  # one a repetition, over all folds
    value: float  # their mean
    interval: tuple[float, float] | None  # of the mean; None where the validation side is too small to tell
    chance: float | None  # to be better than the first; None for that one, and where it is not known

    @property
    def is_behind(self) -> bool:
        """Whether it is hardly better than the first."""
        return self.chance is not None and self.chance < LEAST_CHANCE

    @property
    def is_out(self) -> bool:
        """Whether it need not be trained again, for it is behind by enough repetitions."""
        return self.is_behind and len(self.values) >= LEAST_REPEATS


def rank(repeats: Sequence[Repeat], folds: int, scoring: Scoring, names: Sequence[str]) -> list[Standing]:
    """The candidates, best first: those that are still tied with the first one before those that are out.

    Args:
        repeats: finished trainings; a repetition counts once all its folds are there.
        folds: of a repetition; 1 for the study's own split.
        scoring: of the study.
        names: of the classes.
    """
    found = {candidate: _judge(own, folds, scoring, names) for candidate, own in _by_candidate(repeats).items()}
    found = {candidate: judged for candidate, judged in found.items() if judged}
    means = {candidate: float(np.mean([value for value, _ in judged])) for candidate, judged in found.items()}
    if not found:
        return []
    deviation = seed_deviation([[value for value, _ in judged if value] for judged in found.values()])
    draws = {candidate: _draw(candidate, judged, deviation) for candidate, judged in found.items()}
    best = max(means, key=lambda candidate: (means[candidate], -candidate))
    standings = [
        Standing(
            candidate,
            tuple(value for value, _ in judged),
            means[candidate],
            None if (own := draws[candidate]) is None else interval(own),
            _chance(own, draws[best]) if candidate != best else None,
        )
        for candidate, judged in found.items()
    ]
    return sorted(standings, key=lambda one: (one.is_out, -one.value, one.candidate))


def seed_deviation(values: Sequence[Sequence[float]]) -> float:
    """The standard deviation between repetitions that did not diverge, pooled over candidates; 0 where none has two."""
    squares = sum(float(np.var(own)) * len(own) for own in values if own)
    freedom = sum(len(own) - 1 for own in values if own)
    return float(np.sqrt(squares / freedom)) if freedom else 0.0


def _by_candidate(repeats: Sequence[Repeat]) -> Mapping[int, list[Repeat]]:
    found: dict[int, list[Repeat]] = defaultdict(list)
    for repeat in repeats:
        found[repeat.candidate].append(repeat)
    return found


def _judge(
    repeats: Sequence[Repeat], folds: int, scoring: Scoring, names: Sequence[str]
) -> list[tuple[float, Values | None]]:
    """The value of each repetition whose folds are all there, and its draws."""
    judged = []
    for number in sorted({repeat.repeat for repeat in repeats}):
        own = [repeat for repeat in repeats if repeat.repeat == number and repeat.folds == folds]
        own.sort(key=lambda repeat: repeat.fold or (0, 1))
        if len({repeat.fold for repeat in own}) < folds:
            continue
        kept = [repeat.confusions for repeat in own if repeat.confusions is not None]
        pooled = np.concatenate(kept) if len(kept) == len(own) else None
        value = own[0].value if folds == 1 else float(np.mean([repeat.value for repeat in own]))
        if folds > 1 and pooled is not None and all(repeat.value for repeat in own):
            value = metric_value(scoring.metric, score(pooled.sum(axis=0), scoring.ignore).iou, names)
        draws = None if pooled is None else resample(pooled, value, scoring.metric, names, scoring.ignore)
        judged.append((value, draws))
    return judged


def _draw(candidate: int, judged: Sequence[tuple[float, Values | None]], deviation: float) -> Values | None:
    """The mean over the repetitions in each draw, with what other seeds would change."""
    draws = [own for _, own in judged if own is not None]
    if len(draws) < len(judged):
        return None
    noise = np.random.default_rng(candidate).normal(0.0, deviation / np.sqrt(len(judged)), DRAWS)
    return np.asarray(np.mean(draws, axis=0) + noise)


def _chance(values: Values | None, best: Values | None) -> float | None:
    return None if values is None or best is None else chance_to_beat(values.tolist(), best.tolist())
