"""How many workers a GPU's memory holds: measured with a short training of the largest network of a search."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from search.format import format_bytes
from search.study.plan import Plan
from search.supervisor.devices import DeviceSlot, GpuMemory, count_cores, read_gpu_memory
from search.tuning.heaviest import find_heaviest
from search.tuning.job import Job
from search.tuning.process import Group, TooSlow
from trainer.config import TrainConfig
from trainer.errors import InputError

MOST_PER_GPU = 8
SHARE = 0.9  # of the free memory; the rest is for what differs from one trial to the next
START_S = 300.0  # the limit; a first import from a slow disk takes a minute, tracing a large network another
SLICES, SLICE_S = 3, 1.0
BY_HAND = "--workers-per-gpu N takes any other number"

MakeGroup = Callable[[Job, Sequence[DeviceSlot]], Group]


@dataclass(frozen=True)
class GpuShare:
    """How many workers share a GPU, and why, as a line for people."""

    workers: int
    line: str


def find_gpu_share(
    plan: Plan, decoded: Path | None, slots: Sequence[DeviceSlot], make_group: MakeGroup = Group
) -> GpuShare:
    """As many workers a GPU as 90 % of its free memory holds, at most 8 and one for each core; 1 if it is not known.

    The largest network of the plan is trained for a few seconds, on the first GPU.

    Args:
        plan: with all that was found in its data.
        decoded: folder of the decoded copy of the data.
        slots: of this host, one for each GPU.
        make_group: starts the training.
    """
    tokens = [slot.env["CUDA_VISIBLE_DEVICES"] for slot in slots if slot.gpu]
    if not tokens:
        return GpuShare(1, f"{_auto(1)}, since no GPU is used; --workers sets the number on the CPU")
    try:
        free = min(_free(_read(token)) for token in tokens)
        need = measure_need(find_heaviest(plan.base, plan.space), decoded, slots[0], make_group)
    except TooSlow:
        return _unknown(f"the largest network does not train within {START_S:.0f} s")
    except InputError as error:
        return _unknown(str(error))
    if need <= 0:
        return _unknown("nvidia-smi shows no memory of the largest network")
    workers = count_per_gpu(need, free, count_cores() // len(tokens))
    found = f"the largest network takes {format_bytes(need)} of {format_bytes(free)} that are free"
    return GpuShare(workers, f"{_auto(workers)}: {found}; {BY_HAND}")


def count_per_gpu(need: int, free: int, cores: int) -> int:
    """How many workers fit, each of which takes `need` of `free` bytes, with so many cores to each GPU."""
    return max(1, min(MOST_PER_GPU, cores, int(SHARE * free) // need))


def measure_need(config: TrainConfig, decoded: Path | None, slot: DeviceSlot, make_group: MakeGroup = Group) -> int:
    """The bytes by which the used memory of a slot's GPU grows with a training.

    The backends keep what they have allocated, so that it does not fall between its peaks. What other programs
    allocate meanwhile is counted too. Raises TooSlow, InputError.
    """
    token = slot.env["CUDA_VISIBLE_DEVICES"]
    before = _read(token).used
    with make_group(Job(config, decoded, gpu=True), [slot]) as group:
        group.wait_ready(monotonic() + START_S)
        peak = _read(token).used
        for _ in range(SLICES):
            group.measure(SLICE_S)
            peak = max(peak, _read(token).used)
    return peak - before


def _read(token: str) -> GpuMemory:
    memory = read_gpu_memory(token)
    if memory is None:
        raise InputError(f"nvidia-smi must tell the memory of each GPU; got none for {token}")
    return memory


def _free(memory: GpuMemory) -> int:
    return memory.total - memory.used


def _auto(workers: int) -> str:
    return f"--workers-per-gpu auto is {workers}"


def _unknown(cause: str) -> GpuShare:
    return GpuShare(1, f"{_auto(1)}, since memory could not be measured: {cause}; {BY_HAND}")
