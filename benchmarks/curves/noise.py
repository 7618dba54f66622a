"""What recorded curves say: the noise between seeds, how early the end is known, and which axes matter.

python -m benchmarks.curves.noise [FILE]
"""

import argparse
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from benchmarks.curves.table import Curve, read_curves, select_whole

TAIL = 0.1  # of a curve, whose mean is a trial's value


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?", type=Path, default=Path(__file__).with_name("mars.csv"))
    curves = read_curves(parser.parse_args().file)
    deviation, count = seed_deviation(curves)
    print(f"between seeds: standard deviation {deviation:.4f}, of {count} configurations trained again\n")
    print("| share of the training | rank correlation with the end | all | the best half |\n|---|---|---|---|")
    for share in (0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9):
        print(f"| {share:.0%} | | {rank_correlation(curves, share):.2f} | {rank_correlation(curves, share, 0.5):.2f} |")


def seed_deviation(curves: Sequence[Curve]) -> tuple[float, int]:
    """The pooled standard deviation of the values of one configuration, and of how many it is."""
    groups: dict[int, list[float]] = defaultdict(list)
    for one in curves:
        if one.candidate is not None and one.value:
            groups[one.candidate].append(one.value)
    repeated = [values for values in groups.values() if len(values) > 1]
    freedom = sum(len(values) - 1 for values in repeated)
    squares = sum(float(np.var(values)) * len(values) for values in repeated)
    return float(np.sqrt(squares / freedom)) if freedom else float("nan"), len(repeated)


def rank_correlation(curves: Sequence[Curve], share: float, best: float = 1.0) -> float:
    """Spearman's, of the value after a share of the training with the value, over the best share of the curves."""
    whole = sorted(select_whole(curves), key=lambda one: -(one.value or 0))
    chosen = whole[: max(3, round(best * len(whole)))]
    early = [one.curve[max(0, round(share * len(one.curve)) - 1)] for one in chosen]
    return float(spearmanr(early, [one.value for one in chosen]).statistic)


if __name__ == "__main__":
    main()
