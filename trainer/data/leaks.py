"""Finds images that are on both sides of an official split, equal or nearly so."""

import numpy as np
from numpy.typing import NDArray

from trainer.data.cache.copy import Table
from trainer.data.pixels import Indices

_NEAR_BITS = 8  # of 256 that differ between near copies: compressed again, scaled, or slightly brighter
_MIN_BITS = 24  # set in a hash that tells something; an even image has fewer
_CHUNK = 256  # images compared at a time


def count_leaks(table: Table, train: Indices, validation: Indices) -> tuple[int, int]:
    """How many validation images are among the training images: equal ones, and near copies besides."""
    known = {digest.tobytes() for digest in table.image_digests[train]}
    equal = np.array([table.image_digests[index].tobytes() in known for index in validation], bool)
    near = _has_near(np.asarray(table.image_hashes[validation]), np.asarray(table.image_hashes[train]))
    return int(equal.sum()), int((near & ~equal).sum())


def _has_near(hashes: NDArray[np.uint8], others: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Whether any of the other hashes differs in few bits: (N, B) and (M, B) -> (N,)."""
    found = np.zeros(len(hashes), bool)
    others = others[np.bitwise_count(others).sum(axis=1) >= _MIN_BITS]
    for start in range(0, len(hashes), _CHUNK):
        part = hashes[start : start + _CHUNK]
        for other in range(0, len(others), _CHUNK):
            distance = np.bitwise_count(part[:, None] ^ others[None, other : other + _CHUNK]).sum(axis=2)
            found[start : start + _CHUNK] |= (distance <= _NEAR_BITS).any(axis=1)
    return found
