"""Measures how fast a configuration trains on this machine, in other numbers of workers and with other settings.

One worker's settings are compared beside the first worker of the usual layout, as it is.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from search.supervisor.devices import DeviceChoice
from search.tuning.bench import Bench, Warm
from search.tuning.contenders import Contender, list_layouts, list_settings
from search.tuning.judge import Ratio
from search.tuning.measured import Measured, count_steps_to_pay, describe
from search.tuning.process import Sample
from search.tuning.recommend import Recommended, recommend
from trainer.config import TrainConfig

FAR_SLOWER = 0.5  # below this share of the speed the warm steps decide, since slices would take too long


@dataclass(frozen=True)
class Tuning:
    """All that was found."""

    gpu: bool  # whether the workers of a layout are those of one GPU
    steps: int  # of a trial
    measured: tuple[Measured, ...]
    recommended: Recommended

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        found = self.recommended
        return {
            "measured": [one.to_json() for one in self.measured],
            "recommended": {
                "options": list(found.options),
                "settings": dict(found.settings),
                "toml": found.toml(),
                "notes": list(found.notes),
            },
        }


def tune(
    config: TrainConfig,
    decoded: Path | None = None,
    device: DeviceChoice = "auto",
    seconds: float = 60.0,
    on_line: Callable[[str], None] = lambda line: None,
) -> Tuning:
    """Measures layouts of workers, batch sizes, precisions and compilation, each in processes of its own.

    Nothing is written but the decoded copy of the data where it is missing.

    Args:
        config: with data in which nothing is left to be found, as `prepare_data` gives them.
        decoded: folder of the decoded copy of the data; without it each process decodes them.
        device: what is trained on.
        seconds: that it may take, about: what the time does not suffice for is left out, but the first contender.
        on_line: told what happens, in lines for people.

    Raises:
        InputError: the device, the data or the configuration is not suitable.
    """
    layouts = list_layouts(device)
    gpu = layouts[0].slots[0].gpu
    bench = Bench(config, decoded, seconds, on_line)
    with ExitStack() as stack:
        warm = bench.start_first(stack, layouts)
        samples = bench.compare_all(warm)
        measured = [
            describe(one.contender, mine, one.ready, samples[0], one.gpu_bytes)
            for one, mine in zip(warm, samples, strict=True)
        ]
        for one in warm[1:]:
            one.group.close()
        for row in measured:
            on_line(f"{row.name}: {row.images_per_second:,.1f} images/s")
        measured += _compare_settings(bench, warm[0], list_settings(config, layouts[0]), on_line)
    steps = warm[0].ready.steps
    measured += bench.left_out
    return Tuning(gpu, steps, tuple(measured), recommend(measured, gpu, steps))


def _compare_settings(
    bench: Bench, reference: Warm, settings: Sequence[Contender], on_line: Callable[[str], None]
) -> Iterator[Measured]:
    """Those of a kind at the same time. The first row is that of the reference, alone."""
    rows: list[Measured] = []
    alone: list[Sample] = []
    for _, kind in groupby(settings, key=lambda contender: contender.kind):
        with ExitStack() as stack:
            warm = bench.start(stack, list(kind))
            slow = [one for one in warm if _share(one, reference) < FAR_SLOWER]
            rows += [_describe_slow(one, reference) for one in slow]
            for one in slow:
                one.group.close()
            warm = [one for one in warm if one not in slow]
            if warm:
                its, *theirs = bench.compare_one(reference, warm)
                alone += its
                rows += [_describe_other(one, mine, reference, its) for one, mine in zip(warm, theirs, strict=True)]
        for row in rows[len(rows) - len(warm) - len(slow) :]:
            on_line(f"{row.name}: {row.images_per_second:,.1f} images/s of one worker")
    if alone:
        first = replace(reference.contender, name="one worker, as it is", kind="one worker")
        first = replace(first, slots=first.slots[:1])
        yield describe(first, alone, reference.ready, alone, reference.gpu_bytes)
    yield from rows


def _describe_other(one: Warm, samples: Sequence[Sample], reference: Warm, its: Sequence[Sample]) -> Measured:
    row = describe(one.contender, samples, one.ready, its, one.gpu_bytes)
    if row.kind != "compilation" or row.verdict != "faster" or row.ratio is None or row.images_per_second is None:
        return row
    step_s = one.ready.batch / row.images_per_second
    firsts = one.ready.first_step_s, reference.ready.first_step_s
    return replace(row, pays_after_steps=count_steps_to_pay(*firsts, step_s * row.ratio.median, step_s))


def _describe_slow(one: Warm, reference: Warm) -> Measured:
    rate, share = one.ready.batch / one.ready.step_s, _share(one, reference)
    row = describe(one.contender, [Sample(rate, 0)], one.ready, [Sample(rate / share, 0)], one.gpu_bytes)
    return replace(row, ratio=Ratio(share, share, share), verdict="slower", memory_bytes=one.gpu_bytes)


def _share(one: Warm, reference: Warm) -> float:
    """The speed beside the reference's, by the steps with which both got warm."""
    return (one.ready.batch / one.ready.step_s) / (reference.ready.batch / reference.ready.step_s)
