"""What slices of two contenders say about which is faster."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

LEAST_DIFFERENCE = 0.03  # below which nobody would notice
Verdict = Literal["as it is", "faster", "slower", "no difference", "not measured"]


@dataclass(frozen=True)
class Ratio:
    """The median of the ratios of rounds, their smallest and largest."""

    median: float
    low: float
    high: float


def compare(rates: Sequence[float], reference: Sequence[float]) -> Ratio:
    """The ratios of two contenders that were measured in the same rounds, one slice each."""
    ratios = [mine / its for mine, its in zip(rates, reference, strict=True)]
    return Ratio(median(ratios), min(ratios), max(ratios))


def judge_ratio(ratio: Ratio) -> Verdict:
    """Whether a contender is faster: a difference within the spread of the rounds is none."""
    if abs(ratio.median - 1) <= max(LEAST_DIFFERENCE, ratio.high - ratio.low):
        return "no difference"
    return "faster" if ratio.median > 1 else "slower"
