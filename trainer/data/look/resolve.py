"""Puts what was found of the masks into a configuration, and checks it against what the configuration says."""

from typing import Any

from pydantic import ValidationError

from trainer.config import VOID, DataConfig
from trainer.configfile import explain
from trainer.data.labels import format_colour, parse_label
from trainer.data.look.check import check_listed, check_scored
from trainer.data.look.kinds import find_format
from trainer.data.look.labelling import Labelling, find_labelling
from trainer.data.look.scan import Scan
from trainer.data.look.tally import Tally, tally
from trainer.errors import InputError


def update(config: DataConfig, **changes: Any) -> DataConfig:
    """A copy of a configuration with other values. Raises InputError if they are not allowed."""
    try:
        return DataConfig.model_validate(config.model_dump() | changes)
    except ValidationError as error:
        raise InputError(f"data.{explain(error, DataConfig)}") from None


def resolve_masks(scan: Scan, config: DataConfig, is_course: bool) -> tuple[DataConfig, Tally]:
    """The configuration with classes, names, labels, colours and the ignored label, and the counts of the values.

    Raises InputError if the masks cannot be what the configuration says, or cannot be told.
    """
    config = update(config, mask_format=find_format(scan, config))
    counts = tally(scan, config.mask_format)
    labelling = find_labelling(counts, config, is_course)
    ignore = _find_ignore(labelling, config)
    config = update(
        config,
        classes=labelling.classes,
        labels=labelling.labels,
        names=_find_names(labelling, config),
        ignore=ignore,
    )
    config = update(config, colours=_find_colours(config, counts.palette))
    if config.oversample_class is not None and config.oversample_class >= labelling.classes:
        raise InputError(
            f"data.oversample_class must be below {labelling.classes}; got {config.oversample_class}; correct it"
        )
    check_listed(counts, scan, config)
    check_scored(counts, config)
    return config, counts


def _find_ignore(labelling: Labelling, config: DataConfig) -> int | None:
    has_void = VOID in labelling.labels.values() or config.unlisted == "ignore"
    if config.ignore == "auto":
        if labelling.ignore is not None and labelling.ignore != VOID and has_void:
            return _refuse_two(labelling.ignore)
        return VOID if has_void and labelling.classes <= VOID else labelling.ignore
    if has_void and labelling.classes <= VOID and config.ignore != VOID:
        return _refuse_two(config.ignore)
    return config.ignore


def _refuse_two(ignore: int | None) -> int:
    raise InputError(
        f"data.ignore must be {VOID} where values belong to no class; got {'none' if ignore is None else ignore}; "
        f"set it to {VOID} and give other ignored values that label in data.labels, or list all values as classes"
    )


def _find_names(labelling: Labelling, config: DataConfig) -> tuple[str, ...]:
    if config.names and len(config.names) != labelling.classes:
        raise InputError(
            f"data.names must name all {labelling.classes} classes, {', '.join(labelling.names[:8])}"
            f"{', ...' if labelling.classes > 8 else ''}; got {len(config.names)} names; correct them, "
            "or set data.labels"
        )
    return config.names or labelling.names


def _find_colours(config: DataConfig, palette: tuple[int, ...]) -> tuple[str, ...]:
    """The colour of each class in coloured masks; none for grey ones."""
    if config.colours:
        if len(config.colours) != config.class_count:
            raise InputError(
                f"data.colours must be one a class; got {len(config.colours)} for {config.class_count} classes"
            )
        return config.colours
    if config.mask_format == "grey":
        return ()
    values = dict.fromkeys(range(config.class_count), 0)
    if config.labels:
        for value, label in sorted(((parse_label(key), label) for key, label in config.labels.items()), reverse=True):
            values[label] = value
    else:
        values = {label: label for label in values}
    if config.mask_format == "palette":
        values = {label: palette[value] if 0 <= value < len(palette) else 0 for label, value in values.items()}
    return tuple(format_colour(values[label]) for label in range(config.class_count))
