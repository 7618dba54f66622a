"""The channels of the images, and the number of bits of each."""

from trainer.config import DataConfig
from trainer.data.item import Header
from trainer.data.look.scan import Scan
from trainer.errors import InputError, printable

MAX_CHANNELS = 16
_PICTURE = (1, 3)  # grey and RGB, which are turned into each other


def find_channels(scan: Scan, config: DataConfig) -> int | None:
    """The `data.channels` of the images: None for grey and RGB pictures, which may be mixed.

    Raises InputError for images that cannot be read with equal channels, with two of them named.
    """
    first: dict[int, int] = {}
    for position, header in enumerate(scan.headers):
        first.setdefault(header.channels, position)
    if max(first) > MAX_CHANNELS:
        raise InputError(
            f"images must have at most {MAX_CHANNELS} channels; got {_describe(scan, first[max(first)])}; "
            "keep the channels that matter"
        )
    if len(first) > 1 and not set(first) <= set(_PICTURE):
        one, other = list(first.values())[:2]
        raise InputError(
            f"images must have equal numbers of channels, but for grey and RGB ones; got {_describe(scan, one)} and "
            f"{_describe(scan, other)}; save all with the same channels"
        )
    found = next(iter(first))
    if config.channels is None:
        return None if found in _PICTURE else found
    if config.channels != found and not (config.channels in _PICTURE and set(first) <= set(_PICTURE)):
        raise InputError(
            f"data.channels must be the number of the images' channels, or 1 or 3 for grey and RGB ones; got "
            f"{config.channels}, and {_describe(scan, first[found])}; correct it"
        )
    return config.channels


def _describe(scan: Scan, position: int) -> str:
    return f"{printable(str(scan.items[position].image))} with {scan.headers[position].channels}"


def warn_of_tests(scan: Scan) -> list[str]:
    """Lines on test images that cannot be predicted as they are: training goes on without them."""
    warnings = []
    if scan.unreadable:
        warnings.append(f"{len(scan.unreadable)} test images cannot be read, the first: {scan.unreadable[0]}")
    known = {header.channels for header in scan.headers}
    known |= set(_PICTURE) if known & set(_PICTURE) else set()
    if strange := sum(header.channels not in known for header in scan.tests):
        warnings.append(f"{strange} test images have other channels than the labelled images: they cannot be predicted")
    deep = any(is_deep(header) for header in scan.headers)
    if strange := sum(is_deep(header) != deep for header in scan.tests):
        warnings.append(f"{strange} test images have other bits than the labelled images: predictions may be wrong")
    return warnings


def is_deep(header: Header) -> bool:
    """Whether an image has more than 8 bits a channel."""
    return header.dtype not in ("uint8", "bool")
