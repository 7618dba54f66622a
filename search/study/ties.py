"""Whether a trial is as good as the best one, as far as one validation side can tell. Imports no NumPy."""

from collections.abc import Sequence

LEAST_CHANCE = 0.05  # with less, a trial is behind the best one; with more they are tied


def chance_to_beat(values: Sequence[float], best: Sequence[float]) -> float | None:
    """The share of the draws in which a trial is better than the best one, 0..1; equal values count half.

    None where either is not known, or they are not of the same draws. See `trainer/certainty.py`.
    """
    if not values or len(values) != len(best):
        return None
    pairs = list(zip(values, best, strict=True))
    return sum(1.0 if one > other else 0.5 * (one == other) for one, other in pairs) / len(pairs)


def describe_chance(chance: float | None) -> str:
    """`tie (0.31)` or `behind (0.02)`; `-` where it is not known."""
    if chance is None:
        return "-"
    return f"{'tie' if chance >= LEAST_CHANCE else 'behind'} ({chance:.2f})"


def format_interval(interval: tuple[float, float] | None) -> str:
    """`0.581 to 0.643`; `-` where it is not known."""
    return "-" if interval is None else f"{interval[0]:.3f} to {interval[1]:.3f}"
