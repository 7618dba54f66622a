"""Which values of the masks may be classes, and the refusal of masks that have too many."""

from collections.abc import Sequence

from trainer.config import DataConfig
from trainer.data.labels import show_value
from trainer.data.look.tally import Tally
from trainer.errors import InputError

MAX_VALUES = 64  # that become classes; beyond, only numbers 0 to k that are no edges
_FREQUENT = 0.005  # share of the pixels from which a value is a class where unlisted ones are allowed
_SOLID = 0.5  # share of a value's pixels off lines and edges from which a rarer value is one too
_RARE = 0.0005  # share below which none is
_NEAR = 24  # distance of a value from a more frequent one, of which compression may have made it


def class_values(tally: Tally, config: DataConfig) -> list[int]:
    """The values that may be classes, in ascending order. Raises InputError if they are too many, or edges.

    If the configuration says what becomes of unlisted values, only the frequent ones count.
    """
    values = list(tally.values)
    if config.unlisted != "error":
        return _frequent(tally, config)
    if config.classes is None or config.mask_format == "colour":
        check_count(tally, values, config)
    return values


def check_count(tally: Tally, values: Sequence[int], config: DataConfig) -> None:
    """Raises InputError unless the values can be classes: few, and none that only edges have."""
    edges = tally.edge_values() if config.unlisted == "error" else set()
    if len(values) <= MAX_VALUES and (not edges or _are_numbers(values, config)):
        return
    if _are_numbers(values, config) and _is_mostly_solid(tally):
        return
    what = "colours" if config.mask_format == "colour" else "values"
    shown = ", ".join(show_value(value, config) for value in sorted(values, key=tally.share, reverse=True)[:3])
    share = sum(tally.share(value) for value in edges) + tally.other_pixels / tally.pixels
    rare = f", {len(edges):,} of them at edges with {share:.2%} of the pixels together" if edges else ""
    count = f"{'at least ' if tally.other_values else ''}{tally.count:,}"
    raise InputError(
        f"masks must have one value a class, {MAX_VALUES} at most; got {count} {what} in {tally.masks:,} masks of "
        f"{tally.pixels:,} pixels{rare}; the most frequent are {shown}; smoothed or compressed edges have such {what}: "
        'set data.unlisted = "nearest" or "ignore", and data.labels to list those of classes'
    )


def _are_numbers(values: Sequence[int], config: DataConfig) -> bool:
    """Whether the values are the numbers of up to 256 classes, from 0 or 1, with or without those of void."""
    own = set(values)
    if config.mask_format == "colour" or max(own) > 255:
        return False
    return any({0, *part} == set(range(max(part, default=0) + 1)) for part in (own, own - {255, -1}))


def _is_mostly_solid(tally: Tally) -> bool:
    """Whether nearly every value has areas, as labels have and photographs have not."""
    solid = sum(count.thin < 0.8 * count.pixels for count in tally.values.values())
    return solid >= 0.9 * len(tally.values) and tally.other_values == 0


def _frequent(tally: Tally, config: DataConfig) -> list[int]:
    """The values of many pixels, and without those near to more frequent ones if they would be too many."""
    if tally.count <= MAX_VALUES and _are_numbers(list(tally.values), config):
        return list(tally.values)
    found = sorted((value for value in tally.values if _is_class(tally, value)), key=tally.share, reverse=True)
    if tally.count <= MAX_VALUES and not tally.edge_values():
        return sorted(found)
    kept: list[int] = []
    for value in found:
        if all(_distance(value, other, config) > _NEAR for other in kept):
            kept.append(value)
    if len(kept) > MAX_VALUES:
        check_count(tally, list(tally.values), config)
    return sorted(kept)


def _is_class(tally: Tally, value: int) -> bool:
    share, count = tally.share(value), tally.values[value]
    is_solid = count.pixels - count.thin >= _SOLID * count.pixels
    return share >= _FREQUENT or (share >= _RARE and is_solid)


def _distance(value: int, other: int, config: DataConfig) -> float:
    """The distance of two values: of grey values or indices, or of colours as points."""
    if config.mask_format != "colour":
        return abs(value - other)
    return float(sum(((value >> shift & 0xFF) - (other >> shift & 0xFF)) ** 2 for shift in (0, 8, 16)) ** 0.5)
