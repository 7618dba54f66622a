"""Whether networks see whole images or patches, and of which size."""

import numpy as np

from trainer.config import DataConfig
from trainer.data.item import Header
from trainer.data.look.counting import Size, inner_size
from trainer.data.look.scan import Scan
from trainer.errors import InputError, printable

MIN_SIDE = 8  # pixels of a patch
_MULTIPLE = 32  # of a patch's sides: five halvings
_SIDE = 128  # pixels of a patch, on CPUs and on GPUs; a square of twice the side is still seen whole
_GPU_SIDE = 256


def find_patch(scan: Scan, config: DataConfig, gpu: bool) -> Size | None:
    """The `data.patch` of images; None where networks see them whole. Raises InputError for one that cannot be."""
    sizes = [(header.height, header.width) for header in scan.headers]
    if isinstance(config.patch, tuple):
        if min(config.patch) < MIN_SIDE:
            raise InputError(
                f"data.patch must be at least {MIN_SIDE} pixels high and wide; got {config.patch[0]}x{config.patch[1]}"
            )
        return config.patch
    if config.patch is None and config.resize is None and len(set(sizes)) > 1:
        other = next(position for position, size in enumerate(sizes) if size != sizes[0])
        raise InputError(
            f"all images must have one size where data.patch is none; got {_describe(scan, 0)} and "
            f"{_describe(scan, other)}; set data.resize or data.patch"
        )
    if config.patch is None or config.resize is not None:
        return None
    side = _GPU_SIDE if gpu else _SIDE
    if len(set(sizes)) == 1 and sizes[0][0] * sizes[0][1] <= (2 * side) ** 2:
        return None
    height, width = (min(side, _round_up(float(median))) for median in np.median(sizes, axis=0))
    return height, width


def _round_up(length: float) -> int:
    return -int(-length // _MULTIPLE) * _MULTIPLE


def _describe(scan: Scan, position: int) -> str:
    header: Header = scan.headers[position]
    return f"{printable(str(scan.items[position].image))} {header.height}x{header.width}"


def is_padded(scan: Scan, config: DataConfig) -> bool:
    """Whether a network sees pixels beyond the edges of some image, which must not be scored."""
    sizes = {(header.height, header.width) for header in scan.headers}
    if config.resize is not None:
        if config.fit == "pad" and any(inner_size(size, config.resize, config.fit) != config.resize for size in sizes):
            return True
        sizes = {config.resize}
    patch = config.patch
    return isinstance(patch, tuple) and any(size[0] < patch[0] or size[1] < patch[1] for size in sizes)
