"""Whether two networks give the same masks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

TIE = 1e-3  # two logits so close may change places by rounding

Network = Callable[[NDArray[Any]], NDArray[Any]]  # images (N, H, W, C) -> logits (N, H, W, classes)


@dataclass(frozen=True)
class Agreement:
    """How far two networks agree."""

    images: int
    pixels: int
    wrong: int  # pixels with another class, although the reference's best two logits differ by more than TIE
    ties: int  # pixels with another class where they do not
    largest: float  # difference of two logits


def compare(reference: Network, other: Network, images: Sequence[NDArray[Any]], batch: int = 2) -> Agreement:
    """Compares the masks of two networks on images (H, W, C), `batch` of them at a time."""
    wrong = ties = pixels = 0
    largest = 0.0
    for start in range(0, len(images), batch):
        chunk = np.stack(images[start : start + batch])
        expected, found = np.asarray(reference(chunk)), np.asarray(other(chunk))
        best = np.sort(expected, axis=-1)[..., -2:]
        is_tie = best[..., 1] - best[..., 0] <= TIE
        differs = expected.argmax(-1) != found.argmax(-1)
        wrong, ties = wrong + int((differs & ~is_tie).sum()), ties + int((differs & is_tie).sum())
        pixels += differs.size
        largest = max(largest, float(np.abs(expected - found).max()))
    return Agreement(len(images), pixels, wrong, ties, largest)
