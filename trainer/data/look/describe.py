"""What was found, in lines for people: one fact a line."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from trainer.config import VOID, DataConfig
from trainer.data.item import Picture, Reference, Source
from trainer.data.labels import parse_label
from trainer.data.layout.suggest import suggest_groups
from trainer.data.look.check import count_labels
from trainer.data.look.found import FoundValue
from trainer.data.look.scan import Scan
from trainer.data.look.tally import Tally
from trainer.errors import printable

_MAX_CLASSES = 32  # that have a line each
_MAX_NAMES = 3  # of files in a line
_DEPTHS = {"uint8": "8 bits", "bool": "1 bit", "uint16": "16 bits"}
_KINDS = {"grey": "grey values", "palette": "indices of a palette", "colour": "colours"}


def describe(
    source: Source, seen: Scan, counts: Tally, config: DataConfig, values: Sequence[FoundValue]
) -> Iterator[str]:
    """Lines on a data set and on what the resolved configuration makes of it."""
    yield f"layout: {source.layout}"
    yield f"{_count(len(seen.items), 'labelled image')}, {_sizes(seen)}"
    yield f"files: images {_formats(item.image for item in seen.items)}; masks {_formats(_masks(seen))}"
    yield f"channels: {_channels(seen)}, {_depths(seen)}"
    yield f"masks: {_KINDS[config.mask_format]}, {_count(counts.count, 'different one')} in all"
    yield from _classes(counts, config)
    yield _ignored(counts, config)
    yield from _unlisted(counts, config, values)
    yield _scale(config)
    yield _network_input(config)
    yield from _sides(source, seen)
    if source.unread:
        names = [printable(path.name) for path in source.unread[:_MAX_NAMES]]
        yield f"not read: {_count(len(source.unread), 'file')}, {_list(names, len(source.unread))}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _list(names: Sequence[str], total: int) -> str:
    return ", ".join(names) + (", ..." if total > len(names) else "")


def _sizes(seen: Scan) -> str:
    sizes = {(header.height, header.width) for header in seen.headers}
    if len(sizes) == 1:
        height, width = sizes.pop()
        return f"{height}x{width} (height x width)"
    low = "x".join(str(min(lengths)) for lengths in zip(*sizes, strict=True))
    high = "x".join(str(max(lengths)) for lengths in zip(*sizes, strict=True))
    return f"{len(sizes):,} sizes from {low} to {high} (height x width)"


def _masks(seen: Scan) -> list[Reference]:
    return [item.mask for item in seen.items if item.mask is not None]


def _formats(references: Iterable[Reference]) -> str:
    """How many files of each suffix there are, and how many rows of arrays."""
    counts = Counter(
        printable(reference.path.suffix.lower()) or "no suffix"
        if isinstance(reference, Picture)
        else f"in {printable(reference.path.name)}"
        for reference in references
    )
    return ", ".join(f"{number:,} {name}" for name, number in sorted(counts.items()))


def _channels(seen: Scan) -> str:
    counts = Counter(header.channels for header in seen.headers)
    if set(counts) == {1, 3}:
        return f"RGB, {counts[1]:,} grey ones among them"
    (found,) = counts
    return {1: "grey", 3: "RGB"}.get(found, f"{found} bands")


def _depths(seen: Scan) -> str:
    found = sorted({header.dtype for header in seen.headers})
    return " and ".join(_DEPTHS.get(dtype, f"values of type {dtype}") for dtype in found)


def _classes(counts: Tally, config: DataConfig) -> Iterator[str]:
    pixels = count_labels(counts, config)
    keys = _keys(config)
    for label, name in enumerate(config.names[:_MAX_CLASSES]):
        colour = f" {config.colours[label]}" if config.mask_format == "palette" and config.colours else ""
        share = pixels[label] / counts.pixels
        what = _named(keys.get(label, []), config)
        yield f"class {label} ({printable(name)}): {what}{colour}, {share:.2%} of the pixels"
    if config.class_count > _MAX_CLASSES:
        yield f"{config.class_count - _MAX_CLASSES} more classes"


def _keys(config: DataConfig) -> dict[int, list[str]]:
    """The values of each label."""
    if not config.labels:
        return {label: [str(label)] for label in range(256)}
    keys: dict[int, list[str]] = {}
    for key in sorted(config.labels, key=parse_label):
        keys.setdefault(config.labels[key], []).append(key)
    return keys


def _named(keys: Sequence[str], config: DataConfig) -> str:
    noun = {"grey": "value", "palette": "index", "colour": "colour"}[config.mask_format]
    if not keys:
        return f"no {noun}"
    plural = {"value": "values", "index": "indices", "colour": "colours"}[noun] if len(keys) > 1 else noun
    return f"{plural} {_list(keys[:8], len(keys))}"


def _ignored(counts: Tally, config: DataConfig) -> str:
    ignore = config.ignored_label
    if ignore is None:
        return "not scored: nothing"
    share = count_labels(counts, config)[ignore] / counts.pixels
    if ignore < config.class_count:
        return f"not scored: class {ignore} ({printable(config.names[ignore])}), {share:.2%} of the pixels"
    keys = _keys(config).get(ignore, [])
    if share == 0:
        return "not scored: what is beyond the edges of images, or of no class"
    what = _named(keys, config) if keys else "unlisted values"
    return f"not scored: {what}, {share:.2%} of the pixels{' (void)' if ignore == VOID else ''}"


def _unlisted(counts: Tally, config: DataConfig, values: Sequence[FoundValue]) -> Iterator[str]:
    unlisted = [value for value in values if value.label is None]
    number = len(unlisted) + counts.count - len(values)
    if not number or config.unlisted == "error":
        return
    share = 1 - sum(value.share for value in values if value.label is not None)
    becomes = "of the nearest class" if config.unlisted == "nearest" else "of no class"
    yield f"unlisted: {_count(number, 'other value')} are {becomes}, {share:.2%} of the pixels"


def _scale(config: DataConfig) -> str:
    if not isinstance(config.scale, tuple):
        return "pixel values: 0 to 255 as they are"
    return f"pixel values: {config.scale[0]:g} becomes 0, {config.scale[1]:g} becomes 255"


def _network_input(config: DataConfig) -> str:
    resized = ""
    if config.resize is not None:
        way = "stretched" if config.fit == "stretch" else "padded"
        resized = f", {way} to {config.resize[0]}x{config.resize[1]}"
    if isinstance(config.patch, tuple):
        return f"networks see patches of {config.patch[0]}x{config.patch[1]}{resized}"
    return f"networks see whole images{resized}"


def _sides(source: Source, seen: Scan) -> Iterator[str]:
    if validation := len(source.side("validation")):
        yield f"validation: an official part, {_count(validation, 'image')}"
    if tests := len(source.items) - len(seen.items):
        yield f"test images without masks: {tests:,}"
    yield from _groups(seen)


def _groups(seen: Scan) -> Iterator[str]:
    groups = {item.group for item in seen.items if item.group is not None}
    pattern = None if groups else suggest_groups([item.name for item in seen.items])
    if groups:
        yield f"groups: {len(groups):,}, none of which is split"
    elif pattern is not None:
        names = {match.group(1) for item in seen.items if (match := re.search(pattern, item.name))}
        yield (
            f"groups: none are given, but names look like {len(names):,}, such as {printable(min(names))}; to keep "
            f"each on one side: data.groups = '{pattern}'"
        )
