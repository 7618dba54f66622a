"""Splits images into a training and a validation side: whole groups, with every class in the same share."""

import numpy as np
from numpy.typing import NDArray

from trainer.data.pixels import Groups, Indices
from trainer.errors import InputError

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]

_STARTS = 3  # seeded initial choices; the best result is used
_STEPS = 400  # largest number of moves and swaps from each
_SWAP_CANDIDATES = 1000  # groups of each side that one swap considers, to bound its cost


def split(
    counts: NDArray[np.integer], keys: Groups, classes: int, ignore: int | None, share: float
) -> tuple[Indices, Indices]:
    """Indices of the training and the validation images, both ascending: a pure function of the arguments.

    No group is on both sides. The validation side has, as nearly as the groups allow, `share` of all images and of the
    pixels and images of each scored class. A class that is in two groups or more is on both sides.

    Args:
        counts: (N, 256), pixels of each label in each image.
        keys: (N,), equal for images of one group.
        classes: number of classes.
        ignore: ignore label, or None.
        share: of the validation side, 0..1.

    Raises:
        InputError: there is only one group, or no image.
    """
    members = np.asarray(np.unique(keys, return_inverse=True)[1], np.int64)
    count = int(members.max()) + 1 if len(members) else 0
    if count < 2:
        raise InputError(
            f"a split must have at least 2 groups of different images; got {count}; "
            "give more images, or a validation file of its own as data.validation"
        )
    shares, has_class = _group_shares(counts, members, count, classes, ignore)
    results = [
        _improve(_initial_choice(shares, has_class, share, seed), shares, has_class, share) for seed in range(_STARTS)
    ]
    chosen = min(results, key=lambda flags: _cost(shares[flags].sum(axis=0), share))
    on_validation = chosen[members]
    return np.flatnonzero(~on_validation), np.flatnonzero(on_validation)


def _group_shares(
    counts: NDArray[np.integer], members: Indices, groups: int, classes: int, ignore: int | None
) -> tuple[Floats, Flags]:
    """Shares of each group in all images and in each class's pixels and images, (groups, 1 + 2C), and its classes.

    Every column of the shares sums to 1, so that all have the same target. The classes are flags (groups, C); C counts
    the scored classes that have pixels.
    """
    pixels = counts[:, [label for label in range(classes) if label != ignore]].astype(np.int64)
    pixels = pixels[:, pixels.sum(axis=0) > 0]
    columns = np.hstack([np.ones((len(counts), 1)), pixels, pixels > 0])
    totals = np.zeros((groups, columns.shape[1]))
    np.add.at(totals, members, columns)
    return totals / totals.sum(axis=0), totals[:, 1 + pixels.shape[1] :] > 0


def _initial_choice(shares: Floats, has_class: Flags, share: float, seed: int) -> Flags:
    """A seeded choice of validation groups, flags (groups,), with classes of two groups or more on both sides."""
    order = np.random.default_rng(seed).permutation(len(shares))
    chosen = np.zeros(len(shares), bool)
    chosen[order[: np.clip(round(share * len(shares)), 1, len(shares) - 1)]] = True
    rarest_last = np.argsort(-has_class.sum(axis=0), kind="stable")
    for column in (label for label in rarest_last if has_class[:, label].sum() > 1):
        for side in (True, False):
            if not (has_class[:, column] & (chosen == side)).any():
                candidates = np.flatnonzero(has_class[:, column])
                sums = shares[chosen].sum(axis=0) + np.where(side, 1, -1) * shares[candidates]
                chosen[candidates[np.argmin(_cost(sums, share))]] = side
    return _occupy_both_sides(chosen)


def _occupy_both_sides(chosen: Flags) -> Flags:
    """Moves a group where one side has none."""
    if chosen.all():
        chosen[-1] = False
    if not chosen.any():
        chosen[0] = True
    return chosen


def _improve(chosen: Flags, shares: Floats, has_class: Flags, share: float) -> Flags:
    """Local search: the best move or swap at each step, until none lowers the cost or `_STEPS` are done."""
    chosen = chosen.copy()
    for step in range(_STEPS):
        sums = shares[chosen].sum(axis=0)
        now = float(_cost(sums, share))
        move, moved = _best_move(chosen, sums, shares, has_class, share)
        pair, swapped = _best_swap(chosen, sums, shares, has_class, share, step)
        if min(moved, swapped) >= now - 1e-11:
            break
        flipped = [move] if moved <= swapped else list(pair)
        chosen[flipped] = ~chosen[flipped]
    return chosen


def _cost(sums: Floats, share: float) -> Floats:
    """Sum of squared deviations from the share, over the last axis."""
    return _round(((sums - share) ** 2).sum(axis=-1))


def _round(costs: Floats) -> Floats:
    """Costs without their last digits, which differ between machines: the split must not."""
    return np.asarray(np.round(costs, 12), np.float64)


def _best_move(chosen: Flags, sums: Floats, shares: Floats, has_class: Flags, share: float) -> tuple[int, float]:
    """The group whose move to the other side has the lowest cost, and this cost; infinite where no move is allowed."""
    costs = _cost(sums + np.where(chosen, -1, 1)[:, None] * shares, share)
    for side in (True, False):
        costs[(chosen == side) & (has_class & _single_group_classes(chosen == side, has_class)).any(axis=1)] = np.inf
        if (chosen == side).sum() == 1:
            costs[chosen == side] = np.inf
    best = int(np.argmin(costs))
    return best, float(costs[best])


def _best_swap(
    chosen: Flags, sums: Floats, shares: Floats, has_class: Flags, share: float, step: int
) -> tuple[tuple[int, int], float]:
    """The pair of groups, one of each side, whose swap has the lowest cost, and this cost."""
    leaving, entering = _candidates(np.flatnonzero(chosen), step), _candidates(np.flatnonzero(~chosen), step)
    rest, add = sums - share - shares[leaving], shares[entering]
    costs = _round((rest**2).sum(axis=1)[:, None] + 2 * rest @ add.T + (add**2).sum(axis=1))
    for label in np.flatnonzero(_single_group_classes(chosen, has_class)):
        costs[np.ix_(has_class[leaving, label], ~has_class[entering, label])] = np.inf
    for label in np.flatnonzero(_single_group_classes(~chosen, has_class)):
        costs[np.ix_(~has_class[leaving, label], has_class[entering, label])] = np.inf
    first, second = np.unravel_index(int(np.argmin(costs)), costs.shape)
    return (int(leaving[first]), int(entering[second])), float(costs[first, second])


def _candidates(groups: Indices, step: int) -> Indices:
    """At most `_SWAP_CANDIDATES` of the groups, different ones at each step."""
    stride = -(-len(groups) // _SWAP_CANDIDATES)
    return groups[step % stride :: stride]


def _single_group_classes(side: Flags, has_class: Flags) -> Flags:
    """Classes of two groups or more that only one group of this side has, flags (C,): it must not leave alone."""
    return np.asarray((has_class[side].sum(axis=0) == 1) & (has_class.sum(axis=0) > 1), np.bool_)
