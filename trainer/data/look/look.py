"""Looks at a data set: decides what its configuration leaves open, and refuses what cannot be right."""

from trainer.config import VOID, DataConfig
from trainer.data.item import Source
from trainer.data.labels import show_value
from trainer.data.look.channels import find_channels, warn_of_tests
from trainer.data.look.check import labels_of, listed_values
from trainer.data.look.describe import describe
from trainer.data.look.found import FoundValue, Look
from trainer.data.look.loss import warn_of_resize
from trainer.data.look.patch import find_patch, is_padded
from trainer.data.look.resolve import resolve_masks, update
from trainer.data.look.scale import find_scale
from trainer.data.look.scan import Scan, scan
from trainer.data.look.tally import Tally
from trainer.data.progress import Progress, no_progress

_MAX_VALUES = 256  # that are kept


def look(source: Source, config: DataConfig, gpu: bool = False, progress: Progress | None = None) -> Look:
    """What a data set is, from all its masks and the headers of all its images, each read once.

    What the configuration says stays, and is checked. Raises InputError for data that cannot be used, or of which
    the classes cannot be told for certain.

    Args:
        source: the data set.
        config: its configuration.
        gpu: whether networks will be trained on a GPU, which takes larger patches.
        progress: told how far it is.
    """
    progress = progress or no_progress
    seen = scan(source, config, progress)
    resolved, counts = resolve_masks(seen, config, source.is_course)
    resolved = update(resolved, channels=find_channels(seen, resolved), patch=find_patch(seen, resolved, gpu))
    resolved = update(resolved, scale=find_scale(seen, resolved, progress), ignore=_ignore_padding(seen, resolved))
    values = _list_values(counts, resolved)
    return Look(
        config=resolved,
        found=tuple(describe(source, seen, counts, resolved, values)),
        values=values,
        warnings=(*warn_of_tests(seen), *warn_of_resize(seen, resolved)),
    )


def _ignore_padding(seen: Scan, config: DataConfig) -> int | None:
    """The ignored label; VOID where there is none and images are padded, unless that is a class."""
    if config.ignored_label is None and config.class_count <= VOID and is_padded(seen, config):
        return VOID
    return config.ignored_label


def _list_values(counts: Tally, config: DataConfig) -> tuple[FoundValue, ...]:
    listed = listed_values(config)
    kept = sorted(sorted(counts.values, key=counts.share, reverse=True)[:_MAX_VALUES])
    labels = labels_of(kept, config)
    return tuple(
        FoundValue(
            value=show_value(value, config),
            share=counts.share(value),
            images=counts.values[value].images,
            label=label if value in listed else None,
        )
        for value, label in zip(kept, labels, strict=True)
    )


__all__ = ["FoundValue", "Look", "look"]
