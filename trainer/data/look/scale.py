"""Which values of deep images become 0 and 255: one rule for the whole data set."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.config import DataConfig
from trainer.data.disk.read import read_image
from trainer.data.item import Reference
from trainer.data.look.channels import is_deep
from trainer.data.look.scan import Scan
from trainer.data.progress import Progress
from trainer.data.threads import in_threads
from trainer.errors import InputError, printable

Scale = tuple[float, float]  # the values that become 0 and 255

_IMAGES = 200  # that are read to find the scale, evenly spaced
_SIDE = 64  # rows and columns of an image whose pixels count
_PERCENTILES = (0.5, 99.5)
_DIGITS = 6  # of the two values


@dataclass(frozen=True, eq=False)
class _Sample:
    """The values of one image."""

    image: Reference
    low: float
    high: float
    is_whole: bool
    is_float: bool
    grid: NDArray[np.float64]  # of some pixels


def find_scale(scan: Scan, config: DataConfig, progress: Progress) -> Scale | None:
    """The `data.scale` of the images; None where all have values 0..255 as they are.

    Percentiles of the training side are used where values are neither 0..255 nor 0..1. Raises InputError for images
    of 8 and of more bits in one data set, and for a configured scale that cannot be.
    """
    if isinstance(config.scale, tuple):
        if not config.scale[0] < config.scale[1]:
            raise InputError(
                f"data.scale must be a lower and a higher value; got {config.scale[0]:g}, {config.scale[1]:g}"
            )
        return config.scale
    deep = [position for position, header in enumerate(scan.headers) if is_deep(header)]
    if not deep:
        return None
    chosen = [deep[index] for index in _spread(len(deep))]
    images = [scan.items[position].image for position in chosen]
    samples = list(in_threads(_sample, images, "images sampled", progress))
    if all(_is_pixels(sample) for sample in samples):
        return None
    if config.scale is None:
        bad = next(sample for sample in samples if not _is_pixels(sample))
        raise InputError(
            f'pixels must be whole numbers from 0 to 255 where data.scale is "none"; got {bad.low:g} to {bad.high:g} '
            f"in {printable(str(bad.image))}; set data.scale to two values, or to auto"
        )
    if len(deep) < len(scan.headers):
        shallow = next(position for position, header in enumerate(scan.headers) if not is_deep(header))
        raise InputError(
            f"images must all have 8 bits, or all more; got {_describe(scan, shallow)} and {_describe(scan, deep[0])}; "
            "save them in one way"
        )
    if all(sample.low >= 0 and sample.high <= 1 and sample.is_float for sample in samples):
        return 0.0, 1.0
    training = [s for position, s in zip(chosen, samples, strict=True) if scan.items[position].side == "train"]
    return _percentiles(training or samples)


def _spread(count: int) -> list[int]:
    """At most _IMAGES of `count` positions, evenly spaced."""
    return sorted(set(np.linspace(0, count - 1, min(count, _IMAGES)).round().astype(int).tolist()))


def _describe(scan: Scan, position: int) -> str:
    return f"{printable(str(scan.items[position].image))} ({scan.headers[position].dtype})"


def _sample(reference: Reference) -> _Sample:
    image = read_image(reference)
    is_float = image.dtype.kind == "f"
    rows, columns = (max(1, length // _SIDE) for length in image.shape[:2])
    return _Sample(
        image=reference,
        low=float(image.min()),
        high=float(image.max()),
        is_whole=not is_float or bool((image == np.floor(image)).all()),
        is_float=is_float,
        grid=image[rows // 2 :: rows, columns // 2 :: columns].astype(np.float64).ravel(),
    )


def _is_pixels(sample: _Sample) -> bool:
    """Whether values are 0..255 as of 8 bits; floats up to 1 are shares instead, unless there is nothing else."""
    return sample.is_whole and 0 <= sample.low and 255 >= sample.high and not (sample.is_float and sample.high <= 1)


def _percentiles(samples: list[_Sample]) -> Scale:
    """Two values, the lower first, of _DIGITS digits."""
    low, high = np.percentile(np.concatenate([sample.grid for sample in samples]), _PERCENTILES)
    if not _round(low) < _round(high):
        low, high = min(sample.low for sample in samples), max(sample.high for sample in samples)
    low, high = _round(low), _round(high)
    return (low, high) if low < high else (low, low + max(1.0, abs(low)))


def _round(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
