"""Which values of the masks are which classes."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from trainer.config import VOID, DataConfig
from trainer.data.course import COURSE_IGNORE, COURSE_NAMES
from trainer.data.labels import parse_label, show_value
from trainer.data.look.tally import Tally
from trainer.data.look.values import class_values
from trainer.errors import InputError

BINARY_NAMES = ("background", "foreground")
_SMALL = 64  # values below are numbers of classes; 255 among larger ones may be white, the brightest class


@dataclass(frozen=True)
class Labelling:
    """The classes of a data set; `labels` as in `DataConfig`."""

    classes: int
    labels: dict[str, int]
    names: tuple[str, ...]
    ignore: int | None = None  # what `data.ignore` is where it is "auto"


def find_labelling(tally: Tally, config: DataConfig, is_course: bool) -> Labelling:
    """The classes of the masks, as far as the configuration does not say. Raises InputError if they cannot be told.

    Args:
        tally: the values.
        config: with the `mask_format` of the tally.
        is_course: whether the data are in the format of the course, whose classes are known.
    """
    if config.labels:
        return _of_labels(config.labels, config)
    course = _find_course(tally, config) if is_course and config.mask_format == "grey" else None
    if course is not None:
        return course
    if config.classes is not None and config.mask_format != "colour":
        return _of_classes(config.classes, tally, config)
    found = _find(tally, config)
    if config.classes is not None and config.classes != found.classes:
        raise InputError(
            f"data.classes must be the number of colours of the masks; got {config.classes} for {found.classes}: "
            f"{_list(found.names)}; correct it, or set data.labels"
        )
    return found


def _of_labels(labels: Mapping[str, int], config: DataConfig) -> Labelling:
    """The classes that the configuration lists."""
    own = [label for label in labels.values() if label != VOID]
    classes = config.classes or max(2, max(own, default=0) + 1)
    for key, label in labels.items():
        if not (0 <= label < classes or label == VOID):
            raise InputError(
                f"data.labels must lead to classes 0 to {classes - 1}, or to {VOID} for none; got {key} = {label}"
            )
    names = {label: key for key, label in sorted(labels.items(), key=_by_value, reverse=True)}
    is_binary = classes == 2 and names.get(0) == "0"
    return Labelling(
        classes=classes,
        labels=dict(labels),
        names=BINARY_NAMES if is_binary else tuple(names.get(label, str(label)) for label in range(classes)),
        ignore=VOID if VOID in labels.values() and classes <= VOID else None,
    )


def _by_value(pair: tuple[str, int]) -> int:
    return parse_label(pair[0])


def _find_course(tally: Tally, config: DataConfig) -> Labelling | None:
    """The five classes of the course; None for other ones, which the configuration must then name."""
    classes = len(COURSE_NAMES)
    stray = [value for value in tally.values if not 0 <= value < classes and value != config.ignore]
    if config.classes == classes or (config.classes is None and (not stray or config.unlisted != "error")):
        return Labelling(classes, {}, COURSE_NAMES, ignore=COURSE_IGNORE)
    if config.classes is not None or config.ignore != "auto":
        return None
    count = tally.values[stray[0]]
    raise InputError(
        f"masks of an array training_set must have labels 0 to {classes - 1}, of which 0 is ignored; got {stray[0]} in "
        f"{count.images} of {tally.masks} masks; set data.classes and data.ignore, or data.labels"
    )


def _of_classes(classes: int, tally: Tally, config: DataConfig) -> Labelling:
    """Values that are the numbers of a given number of classes, beside those of void; or 0 and 255 for two classes."""
    values = class_values(tally, config)
    own = set(values) - {VOID, -1, config.ignore}
    if {0, VOID} == set(values) or not own <= set(range(classes)):
        is_clear = config.unlisted != "error" or (set(values) == {0, VOID} and classes == 2)
        if is_clear and config.ignore != VOID and (found := _of_values(values, config)).classes == classes:
            return found
    elif config.ignore == "auto" and (void := [value for value in values if value in {VOID, -1} - set(range(classes))]):
        return _map(range(classes), void, config)
    return Labelling(classes, {}, _number_names(classes))


def _find(tally: Tally, config: DataConfig) -> Labelling:
    values = class_values(tally, config)
    if config.mask_format == "colour":
        return _map(values, [], config)
    _check_one_kind(tally, config)
    return _of_values(values, config)


def _of_values(values: Sequence[int], config: DataConfig) -> Labelling:
    """Classes of grey values or palette indices, in ascending order."""
    if is_contiguous(values):
        return _identity(len(values), config)
    if isinstance(config.ignore, int):
        return _beside_ignored(values, config.ignore, config)
    void = _find_void(values) if config.ignore == "auto" else []
    return _map([value for value in values if value not in void], void, config)


def is_contiguous(values: Collection[int]) -> bool:
    """Whether values are the numbers of classes 0 to k."""
    return set(values) == set(range(len(values))) and len(values) <= VOID + 1


def _identity(classes: int, config: DataConfig) -> Labelling:
    classes = max(2, classes, len(config.names))
    return Labelling(classes, {}, _number_names(classes))


def _number_names(classes: int) -> tuple[str, ...]:
    return BINARY_NAMES if classes == 2 else tuple(str(label) for label in range(classes))


def _beside_ignored(values: Sequence[int], ignore: int, config: DataConfig) -> Labelling:
    """Classes where the configuration names the ignored label, which is the value of that number."""
    rest = [value for value in values if value != ignore]
    if is_contiguous(rest):
        return _identity(len(rest), config)
    if ignore in values and len(rest) > ignore:
        raise InputError(
            f"data.ignore must be a label that is no class while the values of the masks are no numbers of classes; "
            f"got {ignore} with the values {_list([str(value) for value in values])}; set data.labels"
        )
    found = _map(rest, [], config)
    own = {str(ignore): ignore} if ignore in values else {}
    return Labelling(found.classes, found.labels | own, found.names)


def _find_void(values: Sequence[int]) -> list[int]:
    """Values that mark pixels of no class: -1, and 255 beside two or more classes.

    Where the others are large, such as 0 and 128, 255 is rather the brightest class.
    """
    rest = [value for value in values if value not in (VOID, -1)]
    are_numbers = max(rest, default=0) < _SMALL or is_contiguous({0, *rest})
    return [value for value in values if value == -1 or (value == VOID and are_numbers and len(rest) >= 2)]


def _map(values: Sequence[int], void: Sequence[int], config: DataConfig) -> Labelling:
    """Classes in the order of the values, whose names they have."""
    keys = [show_value(value, config) for value in values]
    labels = {key: label for label, key in enumerate(keys)} | {show_value(value, config): VOID for value in void}
    if len(values) < 2:
        keys += [str(label) for label in range(len(values), 2)]  # refused later, for a class without pixels
    is_binary = config.mask_format != "colour" and len(values) == 2 and values[0] == 0
    return Labelling(len(keys), labels, BINARY_NAMES if is_binary else tuple(keys), VOID if void else None)


def _check_one_kind(tally: Tally, config: DataConfig) -> None:
    """Refuses masks of which some have 0 and 1, others 0 and 255: the foreground of the latter would be ignored."""
    if set(tally.values) != {0, 1, VOID} or config.unlisted != "error":
        return
    with_one = [first for values, first in tally.sets.items() if 1 in values]
    with_void = [first for values, first in tally.sets.items() if VOID in values]
    if not any({1, VOID} <= values for values in tally.sets) and with_one and with_void:
        raise InputError(
            f"masks must have one kind of values; got 0 and 1 in some and 0 and {VOID} in others, which never meet; "
            f'set data.labels, as {{ "0" = 0, "1" = 1, "{VOID}" = 1 }}'
        )


def _list(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
