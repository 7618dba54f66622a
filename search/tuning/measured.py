"""What `tune` found, as data."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from search.tuning.contenders import Contender, Kind
from search.tuning.job import Ready
from search.tuning.judge import Ratio, Verdict, compare, judge_ratio
from search.tuning.process import Sample


@dataclass(frozen=True)
class Measured:
    """A contender's figures; None for those that were not measured."""

    name: str
    kind: Kind
    workers: int  # on the CPU in all, else a GPU
    threads: int  # of each
    changes: Mapping[str, Any]  # of the configuration, by path
    verdict: Verdict
    images_per_second: float | None = None  # of training, all workers together
    ratio: Ratio | None = None  # to the configuration as it is, in as many workers as its kind is measured with
    memory_bytes: int | None = None  # a worker: of the GPU where it trains on one, else of the process
    first_step_s: float | None = None  # tracing and compilation included
    pays_after_steps: int | None = None  # of compilation: when its faster steps have made up for the slower first one
    reason: str | None = None  # why it was not measured

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {**asdict(self), "changes": dict(self.changes)}


def describe(
    contender: Contender,
    samples: Sequence[Sample],
    ready: Ready,
    reference: Sequence[Sample],
    gpu_bytes: int | None = None,
) -> Measured:
    """The figures of a contender that took turns with the reference; with that of the reference itself, "as it is"."""
    rates = [sample.images_per_second for sample in samples]
    ratio = compare(rates, [sample.images_per_second for sample in reference])
    return Measured(
        **_facts(contender),
        verdict="as it is" if samples is reference else judge_ratio(ratio),
        images_per_second=median(rates),
        ratio=ratio,
        memory_bytes=max(sample.memory_bytes for sample in samples) if gpu_bytes is None else gpu_bytes,
        first_step_s=ready.first_step_s,
    )


def not_measured(contender: Contender, reason: str) -> Measured:
    """A contender without figures."""
    return Measured(**_facts(contender), verdict="not measured", reason=reason)


def count_steps_to_pay(slow_first_s: float, quick_first_s: float, slow_step_s: float, quick_step_s: float) -> int:
    """After how many steps a training has made up for a slower first step by quicker ones after it.

    Args:
        slow_first_s: the first step of the one that is to pay, in seconds.
        quick_first_s: that of the other one.
        slow_step_s: a step of the other one.
        quick_step_s: of the one that is to pay, less than `slow_step_s`.
    """
    return max(0, round((slow_first_s - quick_first_s) / (slow_step_s - quick_step_s)))


def _facts(contender: Contender) -> dict[str, Any]:
    return {
        "name": contender.name,
        "kind": contender.kind,
        "workers": len(contender.slots),
        "threads": int(contender.slots[0].env["OMP_NUM_THREADS"]),
        "changes": contender.changes,
    }
