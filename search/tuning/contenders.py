"""What a measurement compares: layouts of this machine's workers, and settings of one worker."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isqrt
from typing import Any, Literal

from search.backend import choose_backend
from search.supervisor.devices import DeviceChoice, DeviceSlot, count_cores, list_device_slots, list_gpus
from trainer.config import TrainConfig

Kind = Literal["layout", "one worker", "batch", "precision", "compilation"]
PER_GPU = (1, 2, 4, 8)
MOST_BATCH = 4096  # that the configuration takes


@dataclass(frozen=True)
class Contender:
    """Workers that train at the same time, and what they change in the configuration."""

    name: str
    kind: Kind
    slots: tuple[DeviceSlot, ...]
    changes: Mapping[str, Any] = field(default_factory=dict)  # values by path


def list_layouts(device: DeviceChoice) -> list[Contender]:
    """Numbers of workers, the one that a search has by itself first. Raises InputError as `list_device_slots`.

    On the CPU they share all cores; on GPUs they share the first one, and its part of the cores.
    """
    gpus = 0 if device == "cpu" else len(list_gpus())
    usual = list_device_slots(None, device)
    if gpus:
        return [_layout(list_device_slots(count * gpus, device)[::gpus], "a GPU") for count in PER_GPU]
    counts = dict.fromkeys((len(usual), *worker_counts(count_cores())))
    return [_layout(list_device_slots(count, device)) for count in counts]


def worker_counts(cores: int) -> list[int]:
    """One worker with all cores, one for each, and a power of two between: the largest up to the root of the cores."""
    return sorted({1, 1 << isqrt(cores).bit_length() - 1, cores})


def list_settings(config: TrainConfig, layout: Contender) -> list[Contender]:
    """The settings that are tried on the first worker of a layout, the quickest to measure first."""
    slots = layout.slots[:1]
    size, precision, jit = config.optimizer.batch_size, config.model.precision, config.optimizer.jit_compile
    others = [
        Contender(f"batch size {number}", "batch", slots, {"optimizer.batch_size": number})
        for number in (size // 2, size * 2)
        if 1 <= number <= MOST_BATCH
    ]
    for other in ("float32", "mixed_float16" if slots[0].gpu else "mixed_bfloat16"):
        if other != precision:
            others.append(Contender(other, "precision", slots, {"model.precision": other}))
    if choose_backend() == "tensorflow":  # JAX always compiles
        name = "without XLA" if jit else "compiled by XLA"
        others.append(Contender(name, "compilation", slots, {"optimizer.jit_compile": not jit}))
    return others


def _layout(slots: tuple[DeviceSlot, ...], where: str = "") -> Contender:
    threads = int(slots[0].env["OMP_NUM_THREADS"])
    words = [_count(len(slots), "worker"), *([where] if where else []), f"x {_count(threads, 'thread')}"]
    return Contender(" ".join(words), "layout", slots)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' if number > 1 else ''}"
