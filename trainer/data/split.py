"""Which images train and which validate: whole groups, and every class in its share."""

from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from trainer.data.pixels import Groups, Indices, Pixels, count_labels
from trainer.errors import InputError

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]

_STARTS = 3  # seeded ones; the best end counts
_STEPS = 400  # moves and swaps from each start
_PAIRED = 1000  # groups a side that a swap considers, so that large sets cost no more


def split(
    masks: Pixels, groups: Groups | None, images: Pixels, classes: int, ignore: int | None, share: float
) -> tuple[Indices, Indices]:
    """Training and validation images, both ascending, as a pure function of the arguments.

    masks (N, H, W), groups (N,) or None, images (N, H, W, C). No group stands on both sides; without groups, images
    with identical pixels are one. The validation side gets, as nearly as groups allow, `share` (0..1) of all images,
    and of each scored class's pixels and images. A class of two groups or more is on both sides.
    """
    members = _group_numbers(groups, images)
    count = int(members.max()) + 1 if len(members) else 0
    if count < 2:
        raise InputError(
            f"a split must have at least 2 groups of different images; got {count}; "
            "give more images, or a validation file of its own as data.validation"
        )
    shares, holds = _profile(masks, members, count, classes, ignore)
    ends = [_descend(_start(shares, holds, share, seed), shares, holds, share) for seed in range(_STARTS)]
    chosen = min(ends, key=lambda flags: _cost(shares[flags].sum(axis=0), share))
    validates = chosen[members]
    return np.flatnonzero(~validates), np.flatnonzero(validates)


def _group_numbers(groups: Groups | None, images: Pixels) -> Indices:
    """The number 0.. of each image's group, (N,)."""
    keys = [blake2b(image.tobytes(), digest_size=16).hexdigest() for image in images] if groups is None else groups
    return np.asarray(np.unique(np.asarray(keys, np.str_), return_inverse=True)[1], np.int64)


def _profile(masks: Pixels, members: Indices, count: int, classes: int, ignore: int | None) -> tuple[Floats, Flags]:
    """Each group's shares (groups, K) of images and of each class's pixels and images; its classes (groups, C).

    Every column of the shares sums to 1, so one target serves all. Classes without a pixel are left out.
    """
    pixels = count_labels(masks)[:, [label for label in range(classes) if label != ignore]]
    pixels = pixels[:, pixels.sum(axis=0) > 0]
    columns = np.hstack([np.ones((len(masks), 1)), pixels, pixels > 0])
    totals = np.zeros((count, columns.shape[1]))
    np.add.at(totals, members, columns)
    return totals / totals.sum(axis=0), totals[:, 1 + pixels.shape[1] :] > 0


def _start(shares: Floats, holds: Flags, share: float, seed: int) -> Flags:
    """A seeded choice of groups that has each class that can be on both sides there: flags (groups,)."""
    order = np.random.default_rng(seed).permutation(len(shares))
    chosen = np.zeros(len(shares), bool)
    chosen[order[: np.clip(round(share * len(shares)), 1, len(shares) - 1)]] = True
    rarest_last = np.argsort(-holds.sum(axis=0), kind="stable")
    for column in (label for label in rarest_last if holds[:, label].sum() > 1):
        for side in (True, False):
            if not (holds[:, column] & (chosen == side)).any():
                candidates = np.flatnonzero(holds[:, column])
                sums = shares[chosen].sum(axis=0) + np.where(side, 1, -1) * shares[candidates]
                chosen[candidates[np.argmin(_cost(sums, share))]] = side
    return _fill(chosen)


def _fill(chosen: Flags) -> Flags:
    """The same with at least one group on each side."""
    if chosen.all():
        chosen[-1] = False
    if not chosen.any():
        chosen[0] = True
    return chosen


def _descend(chosen: Flags, shares: Floats, holds: Flags, share: float) -> Flags:
    """Takes the best move or swap until none helps, or the steps are used up."""
    chosen = chosen.copy()
    for step in range(_STEPS):
        sums = shares[chosen].sum(axis=0)
        now = float(_cost(sums, share))
        move, moved = _best_move(chosen, sums, shares, holds, share)
        pair, swapped = _best_swap(chosen, sums, shares, holds, share, step)
        if min(moved, swapped) >= now - 1e-11:
            break
        flipped = [move] if moved <= swapped else list(pair)
        chosen[flipped] = ~chosen[flipped]
    return chosen


def _cost(sums: Floats, share: float) -> Floats:
    """Sum of squared deviations from the share, over the last axis."""
    return _rounded(((sums - share) ** 2).sum(axis=-1))


def _rounded(costs: Floats) -> Floats:
    """Costs without their last digits: these differ between machines, and the split must not."""
    return np.asarray(np.round(costs, 12), np.float64)


def _best_move(chosen: Flags, sums: Floats, shares: Floats, holds: Flags, share: float) -> tuple[int, float]:
    """The group whose change of side costs least, and the cost after it."""
    costs = _cost(sums + np.where(chosen, -1, 1)[:, None] * shares, share)
    for side in (True, False):
        costs[(chosen == side) & (holds & _last(chosen == side, holds)).any(axis=1)] = np.inf
        if (chosen == side).sum() == 1:
            costs[chosen == side] = np.inf
    best = int(np.argmin(costs))
    return best, float(costs[best])


def _best_swap(
    chosen: Flags, sums: Floats, shares: Floats, holds: Flags, share: float, step: int
) -> tuple[tuple[int, int], float]:
    """The pair of groups, one a side, whose exchange costs least, and the cost after it."""
    leaving, coming = _candidates(np.flatnonzero(chosen), step), _candidates(np.flatnonzero(~chosen), step)
    rest, add = sums - share - shares[leaving], shares[coming]
    costs = _rounded((rest**2).sum(axis=1)[:, None] + 2 * rest @ add.T + (add**2).sum(axis=1))
    for label in np.flatnonzero(_last(chosen, holds)):
        costs[np.ix_(holds[leaving, label], ~holds[coming, label])] = np.inf
    for label in np.flatnonzero(_last(~chosen, holds)):
        costs[np.ix_(~holds[leaving, label], holds[coming, label])] = np.inf
    first, second = np.unravel_index(int(np.argmin(costs)), costs.shape)
    return (int(leaving[first]), int(coming[second])), float(costs[first, second])


def _candidates(groups: Indices, step: int) -> Indices:
    """At most `_PAIRED` of the groups, others at every step."""
    stride = -(-len(groups) // _PAIRED)
    return groups[step % stride :: stride]


def _last(side: Flags, holds: Flags) -> Flags:
    """Classes that a single group keeps on this side, and that others have: (C,)."""
    return np.asarray((holds[side].sum(axis=0) == 1) & (holds.sum(axis=0) > 1), np.bool_)
