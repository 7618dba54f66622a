"""Starts contenders and has them take turns, as long as there is time."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import monotonic

from search.supervisor.devices import CPU_SLOT_BYTES, GpuMemory, count_cores, memory_bytes, read_gpu_memory
from search.tuning.contenders import Contender, Kind
from search.tuning.gpu_share import SHARE
from search.tuning.job import Job, Ready
from search.tuning.measured import Measured, not_measured
from search.tuning.process import Group, Sample, TooSlow
from search.tuning.rounds import take_turns
from trainer.config import TrainConfig
from trainer.configfile import override
from trainer.errors import InputError

START_S = 300.0  # the limit of the first contender, without which nothing can be compared
PATIENCE = 1.5  # how often the expected time to start a contender may take
SLICES = 60  # that the time would hold
SHORTEST_SLICE_S, LONGEST_SLICE_S = 0.2, 3.0
# Of the time, after which no further round begins, once there are enough: the rest is for the kinds that follow.
SHARES: dict[Kind, float] = {"layout": 0.35, "batch": 0.55, "precision": 0.7, "compilation": 1.0}


@dataclass(frozen=True)
class Warm:
    """A contender whose processes have trained some steps."""

    contender: Contender
    group: Group
    ready: Ready
    gpu_bytes: int | None  # of each process; None on the CPU


class Bench:
    """The measurements of one configuration.

    Args:
        config: with data in which nothing is left to be found.
        decoded: folder of the decoded copy of the data.
        seconds: that all of it may take, about.
        on_line: told what happens, in lines for people.
    """

    def __init__(
        self, config: TrainConfig, decoded: Path | None, seconds: float, on_line: Callable[[str], None]
    ) -> None:
        self.config, self._decoded, self._on_line = config, decoded, on_line
        self._seconds, self._begun = seconds, monotonic()
        self._slice_s = min(LONGEST_SLICE_S, max(SHORTEST_SLICE_S, seconds / SLICES))
        self._start_s = 0.0  # that one process takes to get warm, where each has a core
        self._no_time = f"no time is left; give more, such as --seconds {3 * seconds:.0f}"
        self.left_out: list[Measured] = []

    def start_first(self, stack: ExitStack, layouts: Sequence[Contender]) -> list[Warm]:
        """Starts the first layout, and as many of the others as memory and time allow.

        The processes end with the stack. Raises InputError where the first one does not train.
        """
        fitting, processes = list(layouts[:1]), len(layouts[0].slots)
        for layout in layouts[1:]:
            needed = (processes + len(layout.slots)) * CPU_SLOT_BYTES
            if not layout.slots[0].gpu and needed > memory_bytes():
                self._leave_out(layout, f"with the others it would take {needed / 2**30:.0f} GiB of memory")
            else:
                fitting.append(layout)
                processes += len(layout.slots)
        began = monotonic()
        try:
            warm = self._start(stack, fitting, began + START_S, is_first=True)
        except TooSlow:
            raise InputError(
                f"a configuration must train to be measured; got no step within {START_S:.0f} s; try a smaller one"
            ) from None
        load = 1.0 if fitting[0].slots[0].gpu else max(1.0, processes / count_cores())
        self._start_s = (monotonic() - began) / load
        return warm

    def start(self, stack: ExitStack, contenders: Sequence[Contender]) -> list[Warm]:
        """Starts those contenders for which there is time; their processes end with the stack."""
        threads = int(contenders[0].slots[0].env["OMP_NUM_THREADS"])
        expected_s = self._start_s * max(1.0, len(contenders) * threads / count_cores())
        now, end = monotonic(), self._deadline(1.0)
        if now + expected_s > end:
            for contender in contenders:
                self._leave_out(contender, self._no_time)
            return []
        return self._start(stack, contenders, max(end, now + PATIENCE * expected_s))

    def compare_all(self, warm: Sequence[Warm]) -> list[list[Sample]]:
        """Slices of all workers of each layout."""
        return self._take_turns([partial(one.group.measure, self._slice_s) for one in warm], "layout")

    def compare_one(self, reference: Warm, others: Sequence[Warm]) -> list[list[Sample]]:
        """Slices of one worker of the reference, then of each of the others, which are of one kind."""
        alone = partial(reference.group.measure, self._slice_s, 1)
        measures = [alone, *(partial(one.group.measure, self._slice_s) for one in others)]
        return self._take_turns(measures, others[0].contender.kind)

    def _take_turns(self, measures: Sequence[Callable[[], Sample]], kind: Kind) -> list[list[Sample]]:
        try:
            return take_turns(measures, self._deadline(SHARES[kind]))
        except TooSlow:
            raise InputError("a process that trains must go on; got no step within a minute; try again") from None

    def _start(
        self, stack: ExitStack, contenders: Sequence[Contender], deadline: float, is_first: bool = False
    ) -> list[Warm]:
        if contenders[0].slots[0].gpu:  # one by one, since memory is known for the whole GPU alone
            return self._start_on_gpu(stack, contenders, deadline, is_first)
        self._on_line(f"starting {', '.join(contender.name for contender in contenders)}")
        groups = [stack.enter_context(self._group(contender)) for contender in contenders]
        started: list[Warm] = []
        for contender, group in zip(contenders, groups, strict=True):
            ready = self._wait(contender, group, deadline, is_first and not started)
            started += [] if ready is None else [Warm(contender, group, ready, None)]
        return started

    def _start_on_gpu(
        self, stack: ExitStack, contenders: Sequence[Contender], deadline: float, is_first: bool
    ) -> list[Warm]:
        started: list[Warm] = []
        for contender in contenders:
            count, token = len(contender.slots), contender.slots[0].env["CUDA_VISIBLE_DEVICES"]
            before = read_gpu_memory(token)
            if started and not _fits(count, started[0].gpu_bytes, before):
                self._leave_out(contender, "the GPU has no memory left beside the others")
                continue
            if started and is_first and monotonic() > self._deadline(SHARES["layout"]):
                self._leave_out(contender, self._no_time)
                continue
            self._on_line(f"starting {contender.name}")
            group = stack.enter_context(self._group(contender))
            ready = self._wait(contender, group, deadline, is_first and not started)
            after = read_gpu_memory(token)
            grown = None if before is None or after is None else max(0, after.used - before.used) // count
            started += [] if ready is None else [Warm(contender, group, ready, grown)]
        return started

    def _group(self, contender: Contender) -> Group:
        config = override(self.config, contender.changes)
        return Group(Job(config, self._decoded, contender.slots[0].gpu), contender.slots)

    def _wait(self, contender: Contender, group: Group, deadline: float, is_needed: bool) -> Ready | None:
        """Waits until a contender is warm; None where it does not get so. What is needed raises instead."""
        began = monotonic()
        try:
            return group.wait_ready(deadline)
        except TooSlow:
            if is_needed:
                raise
            self._leave_out(contender, f"no second step within {monotonic() - began:.0f} s; give more --seconds")
        except InputError as error:
            if is_needed:
                raise
            self._leave_out(contender, str(error))
        group.close()
        return None

    def _leave_out(self, contender: Contender, reason: str) -> None:
        self._on_line(f"not measured: {contender.name}: {reason}")
        self.left_out.append(not_measured(contender, reason))

    def _deadline(self, share: float) -> float:
        return self._begun + share * self._seconds


def _fits(count: int, each: int | None, memory: GpuMemory | None) -> bool:
    """Whether so many processes of `each` bytes fit; True where that is not known."""
    return each is None or memory is None or count * each <= SHARE * (memory.total - memory.used)
