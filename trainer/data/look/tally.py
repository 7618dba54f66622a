"""How often each value is in all masks together, in the one kind of values by which all are read."""

from dataclasses import dataclass, replace

import numpy as np

from trainer.config import DataConfig
from trainer.data.item import MaskKind, RawMask
from trainer.data.labels import to_values
from trainer.data.look.scan import MaskGroup, MaskType, Scan, ValueCount

_RARE = 0.005  # share of all pixels below which a value may be part of an edge
_THIN = 0.8  # share of a value's pixels on lines and edges from which it is part of an edge
_CROWD = 4  # values of edges that cannot be chance
_DUST = 8  # values which together have less than _RARE that cannot be chance


@dataclass(frozen=True)
class Tally:
    """Values with their counts, in ascending order."""

    values: dict[int, ValueCount]
    sets: dict[frozenset[int], int]  # values of a mask, if few -> first labelled item
    masks: int
    pixels: int  # of all masks
    other_values: int = 0  # of photographs, at least; they are not in `values`
    other_pixels: int = 0
    palette: tuple[int, ...] = ()  # the longest one that is used, where the format is palette

    def share(self, value: int) -> float:
        """Share of a value in all pixels, 0..1."""
        return self.values[value].pixels / self.pixels

    @property
    def count(self) -> int:
        """The number of values, at least."""
        return len(self.values) + self.other_values

    def edge_values(self) -> set[int]:
        """Values that edges have, smoothed or compressed ones: rare each, and thin or crowded; empty if none must be.

        Labels of things are rare or thin, seldom both, and seldom many. So a few such values prove nothing.
        """
        rare = [value for value in self.values if self.share(value) < _RARE]
        thin = {value for value in rare if self.values[value].thin >= _THIN * self.values[value].pixels}
        dust = self._dust(rare)
        found = (thin if len(thin) >= _CROWD else set()) | dust
        return found if len(self.values) - len(found) >= 1 else set()

    def _dust(self, rare: list[int]) -> set[int]:
        """The rarest values, which together have a share below _RARE, if they outnumber all others."""
        rare.sort(key=self.share)
        shares = np.cumsum([self.share(value) for value in rare])
        dust = set(rare[: int(np.searchsorted(shares, _RARE))])
        return dust if len(dust) >= _DUST and len(dust) > len(self.values) - len(dust) else set()


def tally(scan: Scan, mask_format: MaskKind) -> Tally:
    """The counts of all masks, by the values that `data.mask_format` gives them."""
    config = DataConfig(mask_format=mask_format)
    values: dict[int, ValueCount] = {}
    sets: dict[frozenset[int], int] = {}
    for kind, group in scan.groups.items():
        names = _convert(kind, group, config)
        for value, count in group.values.items():
            _add(values, names[value], count)
        for few, first in group.sets.items():
            converted = frozenset(names[value] for value in few)
            sets[converted] = min(first, sets.get(converted, first))
    for count in values.values():
        count.images = min(count.images, len(scan.items))  # two entries of a palette may have one colour
    groups = scan.groups.values()
    return Tally(
        values=dict(sorted(values.items())),
        sets=sets,
        masks=len(scan.items),
        pixels=sum(header.height * header.width for header in scan.headers),
        other_values=max(group.other_values for group in groups),
        other_pixels=sum(group.other_pixels for group in groups),
        palette=_longest_palette(scan) if mask_format == "palette" else (),
    )


def _convert(kind: MaskType, group: MaskGroup, config: DataConfig) -> dict[int, int]:
    stored = list(group.values)
    palette = kind.palette
    if kind.kind == "palette":
        palette += (0,) * (max(stored) + 1 - len(palette))
    raw = RawMask(np.array([stored], np.int64), kind.kind, palette)
    return dict(zip(stored, to_values(raw, config)[0].tolist(), strict=True))


def _add(values: dict[int, ValueCount], value: int, count: ValueCount) -> None:
    known = values.get(value)
    if known is None:
        values[value] = replace(count)
        return
    known.pixels += count.pixels
    known.thin += count.thin
    known.images += count.images
    known.first = min(known.first, count.first)


def _longest_palette(scan: Scan) -> tuple[int, ...]:
    used = [(max(group.values), kind.palette) for kind, group in scan.groups.items() if kind.kind == "palette"]
    return max(used)[1] if used else ()
