"""The limits of `[constraints]`: what each one bounds, and what a trial beyond it is."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from search.study.plan import ConstraintsTable


@dataclass(frozen=True)
class Limit:
    """A limit that a study may have."""

    key: str  # in `[constraints]`, of a trial's figure, and of the sampler's constraint; the cause of a trial beyond it
    words: str  # what it bounds
    verdict: str  # on a trial beyond it


LIMITS = (
    Limit("parameters", "parameters", "too large"),
    Limit("memory_mib", "MiB of memory", "too large"),
    Limit("ms_per_image", "milliseconds an image", "too slow"),
    Limit("ms_per_image_batched", "milliseconds an image of a batch", "too slow"),
)
VERDICTS = {limit.key: f"{limit.verdict}, so it was not trained" for limit in LIMITS}


def list_limits(constraints: "ConstraintsTable") -> list[tuple[Limit, float]]:
    """The limits that are set, with their values."""
    values = constraints.model_dump()
    return [(limit, values[limit.key]) for limit in LIMITS if values[limit.key] is not None]
