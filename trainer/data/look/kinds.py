"""What the pixels of the masks are: grey values, colours or indices of a palette, all masks together."""

from collections.abc import Iterable

import numpy as np

from trainer.config import DataConfig
from trainer.data.item import MaskKind
from trainer.data.labels import parse_label
from trainer.data.look.scan import MaskGroup, MaskType, Scan
from trainer.errors import InputError, printable

_INDEX_ADVICE = 'save all in one way, or set data.mask_format to "palette" to take palette indices as values'


def find_format(scan: Scan, config: DataConfig) -> MaskKind:
    """The `data.mask_format` by which every mask can be read. Raises InputError where there is none.

    The configuration's decides if it is not the default, or if its labels are colours.
    """
    if config.labels and is_colours(config.labels):
        if config.mask_format == "palette":
            raise InputError(
                f"data.labels must list palette indices as data.mask_format is palette; got {next(iter(config.labels))}"
            )
        _check_grey_is_of_8_bits(scan)
        return "colour"
    if config.mask_format == "colour" and config.labels:
        raise _no_colours(config)
    if config.mask_format == "palette":
        _check_no_colours(scan)
        return "palette"
    if config.mask_format == "colour":
        _check_grey_is_of_8_bits(scan)
        return "colour"
    found = _find(scan)
    if found == "colour" and config.labels:
        raise _no_colours(config)
    return found


def is_colours(labels: Iterable[str]) -> bool:
    """Whether the keys of `data.labels` are colours. Raises InputError if they are neither values nor colours."""
    keys = list(labels)
    for key in keys:
        try:
            parsed = parse_label(key)
        except ValueError:
            parsed = None
        if parsed is None or (key.startswith("#") and not (len(key) == 7 and 0 <= parsed <= 0xFFFFFF)):
            raise InputError(f'data.labels must have values such as "255" or colours such as "#ff0000"; got {key!r}')
    coloured = [key.startswith("#") for key in keys]
    if any(coloured) != all(coloured):
        raise InputError(f"data.labels must have values or colours, not both; got {keys[0]!r} and {keys[-1]!r}")
    return any(coloured)


def _no_colours(config: DataConfig) -> InputError:
    return InputError(
        f'data.labels must list the colours of the masks, such as "#ff0000"; got {next(iter(config.labels))!r}; '
        'correct it, or set data.mask_format to "palette" if all masks are palette pictures'
    )


def _check_grey_is_of_8_bits(scan: Scan) -> None:
    """Refuses grey masks whose values are no colours."""
    for group in _groups(scan, "grey"):
        wrong = [value for value in group.values if not 0 <= value <= 255]
        if wrong:
            raise InputError(
                f"grey masks must have values from 0 to 255 to be read as colours; got {wrong[0]} in "
                f"{printable(str(scan.mask(group.values[wrong[0]].first)))}; list values in data.labels, not colours"
            )


def _check_no_colours(scan: Scan) -> None:
    for kind, group in scan.groups.items():
        if kind.kind == "colour":
            raise InputError(
                f"masks must have a palette or grey values as data.mask_format is palette; got colours in "
                f"{_name(scan, group)}; set data.mask_format to colour"
            )


def _find(scan: Scan) -> MaskKind:
    grey = _groups(scan, "grey")
    palettes = {kind: group for kind, group in scan.groups.items() if kind.kind == "palette"}
    pictures = [group for kind, group in scan.groups.items() if kind.kind == "colour" and not kind.is_grey]
    coloured = [group for kind, group in palettes.items() if not _is_grey(used_colours(kind, group))]
    if grey and (coloured or pictures):
        _check_grey_is_black_or_white(scan, grey[0], [*coloured, *pictures][0], bool(coloured))
        return "colour"
    if grey:
        for kind, group in palettes.items():
            _check_no_indices(scan, grey[0], kind, group)
        return "grey"
    if palettes and len(palettes) == len(scan.groups) and _agree(palettes):
        return "palette"
    return "colour" if coloured or pictures else "grey"


def _groups(scan: Scan, kind: MaskKind) -> list[MaskGroup]:
    return [group for key, group in scan.groups.items() if key.kind == kind]


def used_colours(kind: MaskType, group: MaskGroup) -> list[int]:
    """The colours 0xrrggbb of the palette's entries that masks use; missing ones are black."""
    return [kind.palette[index] if index < len(kind.palette) else 0 for index in group.values]


def _name(scan: Scan, group: MaskGroup) -> str:
    return printable(str(scan.mask(group.first)))


def _is_grey(colours: list[int]) -> bool:
    return all(colour == (colour & 0xFF) * 0x010101 for colour in colours)


def _check_grey_is_black_or_white(scan: Scan, grey: MaskGroup, other: MaskGroup, palette: bool) -> None:
    """Grey masks beside coloured ones: black and white are colours too, all else may be labels."""
    if not palette and set(grey.values) <= {0, 255}:
        return
    raise InputError(
        f"masks must all be grey or all be coloured; got {_name(scan, grey)} with grey values and "
        f"{_name(scan, other)} with colours{' in a palette' if palette else ''}; {_INDEX_ADVICE}"
    )


def _check_no_indices(scan: Scan, grey: MaskGroup, kind: MaskType, group: MaskGroup) -> None:
    """Refuses grey masks whose values are the indices of palette masks, not their grey."""
    shown = {colour & 0xFF for colour in used_colours(kind, group)}
    if set(grey.values) <= {0, *group.values} and not set(grey.values) <= shown:
        raise InputError(
            f"masks must have one kind of values; got {_name(scan, grey)} with the palette indices of "
            f"{_name(scan, group)} as grey values; {_INDEX_ADVICE}"
        )


def _agree(palettes: dict[MaskType, MaskGroup]) -> bool:
    """Whether an index has the same colour in all palettes, as far as masks use them."""
    used = sorted((max(group.values), kind.palette) for kind, group in palettes.items())
    longest = np.array(used[-1][1])
    return all(np.array_equal(palette[: top + 1], longest[: top + 1]) for top, palette in used)
