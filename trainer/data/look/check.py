"""Refusals of masks that the resolved configuration cannot read, or that leave nothing to learn."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from trainer.config import DataConfig
from trainer.data.item import RawMask
from trainer.data.labels import decode_mask, parse_label, show_value
from trainer.data.look.scan import Scan
from trainer.data.look.tally import Tally
from trainer.errors import InputError, printable

_SHOWN = 8  # values in a message


def listed_values(config: DataConfig) -> set[int]:
    """The values that lead to a class, or to no class, by name."""
    if config.labels:
        return {parse_label(key) for key in config.labels}
    return {*range(config.class_count), *([] if config.ignored_label is None else [config.ignored_label])}


def check_listed(tally: Tally, scan: Scan, config: DataConfig) -> None:
    """Raises InputError if masks have values that are not listed, unless `data.unlisted` says what they become."""
    listed = listed_values(config)
    unlisted = [value for value in tally.values if value not in listed]
    if config.unlisted != "error" or not (unlisted or tally.other_pixels):
        return
    shown = ", ".join(show_value(value, config) for value in sorted(listed)[:_SHOWN])
    first = tally.values[unlisted[0]] if unlisted else None
    got = "others"
    if first is not None:
        got = (
            f"{show_value(unlisted[0], config)} in {first.images:,} of {tally.masks:,} masks ({first.pixels:,} "
            f"pixels), the first of them {printable(str(scan.mask(first.first)))}"
        )
    more = f", and {len(unlisted) - 1:,} more such values" if len(unlisted) > 1 else ""
    raise InputError(
        f"masks must have listed values alone, {shown}{', ...' if len(listed) > _SHOWN else ''}; got {got}{more}; "
        'correct data.classes, data.ignore or data.labels, or set data.unlisted to "ignore" or "nearest"'
    )


def labels_of(values: Iterable[int], config: DataConfig) -> list[int]:
    """The class of each value, or VOID or the ignored label."""
    raw = RawMask(np.array([list(values)], np.int64), config.mask_format)
    return [int(label) for label in decode_mask(raw, config, "the masks")[0]]


def count_labels(tally: Tally, config: DataConfig) -> NDArray[np.int64]:
    """Pixels of each label in all masks: (256,)."""
    counts = np.zeros(256, np.int64)
    for label, count in zip(labels_of(tally.values, config), tally.values.values(), strict=True):
        counts[label] += count.pixels
    return counts


def check_scored(tally: Tally, config: DataConfig) -> None:
    """Raises InputError unless two classes that are scored have pixels: with one, any network is right."""
    counts = count_labels(tally, config)
    ignore = config.ignored_label
    scored = [label for label in range(config.class_count) if counts[label] and label != ignore]
    if len(scored) >= 2:
        return
    got = f"class {scored[0]} ({config.names[scored[0]]})" if scored else "none"
    aside = ""
    if ignore is not None and counts[ignore]:
        name = f" ({config.names[ignore]})" if ignore < config.class_count else ""
        aside = f", and label {ignore}{name}, which is ignored, in {counts[ignore] / counts.sum():.1%} of the pixels"
    values = ", ".join(show_value(value, config) for value in list(tally.values)[:_SHOWN])
    raise InputError(
        f"masks must have pixels of two scored classes; got only {got}{aside}; their values are {values}"
        f"{', ...' if tally.count > _SHOWN else ''}: set data.labels, or correct the masks"
        + ('; data.ignore = "none" scores every label' if aside else "")
    )
