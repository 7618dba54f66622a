"""How many workers share a GPU, with an nvidia-smi whose used memory is a file's content."""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

from search.space.space import Space
from search.study.plan import ConstraintsTable, Plan, StudyTable
from search.supervisor import devices
from search.supervisor.devices import GpuMemory, list_device_slots, read_gpu_memory
from search.tuning.gpu_share import count_per_gpu, find_gpu_share
from search.tuning.process import TooSlow
from trainer.config import TrainConfig
from trainer.errors import InputError

GIB = 2**30
PLAN = Plan(StudyTable(), TrainConfig(), Space(()), ConstraintsTable())
TOOL = """#!/bin/sh
case "$1" in
*memory*) echo "0, GPU-aaaa, $(cat {used}), {total}"; echo "1, GPU-bbbb, 1024, 81920";;
*) echo "0, GPU-aaaa, NVIDIA H200"; echo "1, GPU-bbbb, NVIDIA H200";;
esac
"""


class Host:
    """A host with two GPUs, of which the first one's used memory can be set."""

    def __init__(self, folder: Path) -> None:
        self._used = folder / "used"
        self.use("1000")

    def use(self, mebibytes: str) -> None:
        self._used.write_text(mebibytes)

    def make_group(self, *levels: str, error: Exception | None = None) -> Any:
        """A group in whose training the used memory of the first GPU has one level after another."""
        host, left = self, list(levels)

        class FakeGroup:
            def __init__(self, job: Any, slots: Sequence[Any]) -> None:
                assert job.gpu and [slot.env["CUDA_VISIBLE_DEVICES"] for slot in slots] == ["GPU-aaaa"]

            def __enter__(self) -> "FakeGroup":
                return self

            def __exit__(
                self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
            ) -> None:
                host.use("1000")

            def wait_ready(self, deadline: float) -> None:
                if error is not None:
                    raise error
                self.measure(0.0)

            def measure(self, seconds: float) -> None:
                if left:
                    host.use(left.pop(0))

        return FakeGroup


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    tool = tmp_path / "bin" / "nvidia-smi"
    tool.parent.mkdir()
    tool.write_text(TOOL.format(used=tmp_path / "used", total=81920))
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}:/usr/bin:/bin")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(devices, "count_cores", lambda: 64)
    monkeypatch.setattr("search.tuning.gpu_share.count_cores", lambda: 64)
    return Host(tmp_path)


@pytest.mark.parametrize(
    ("need", "free", "cores", "workers"),
    [
        (10 * GIB, 80 * GIB, 64, 7),  # 72 of 80 GiB
        (10 * GIB, 100 * GIB, 64, 8),  # nine would fit, and eight are the most
        (1 * GIB, 80 * GIB, 3, 3),  # cores
        (90 * GIB, 80 * GIB, 64, 1),
        (1 * GIB, 80 * GIB, 0, 1),
        (9 * GIB, 20 * GIB, 64, 2),  # exactly 18 of 20
    ],
)
def test_as_many_as_fit(need: int, free: int, cores: int, workers: int) -> None:
    assert count_per_gpu(need, free, cores) == workers


def test_the_memory_of_a_gpu_is_read(host: Host) -> None:
    assert read_gpu_memory("GPU-aa") == GpuMemory(1000 << 20, 81920 << 20)
    assert read_gpu_memory("1") == GpuMemory(1024 << 20, 81920 << 20)
    assert read_gpu_memory("MIG-cccc") is None and read_gpu_memory("") is None
    host.use("[N/A]")
    assert read_gpu_memory("0") is None


def test_the_peak_counts_and_the_gpu_with_the_least_free_memory(host: Host) -> None:
    group = host.make_group("9000", "21000", "17000")  # 20,000 MiB at the peak, of 80,896 that are free on the other
    share = find_gpu_share(PLAN, None, list_device_slots(), group)
    assert share.workers == 3
    assert share.line == (
        "--workers-per-gpu auto is 3: the largest network takes 19.5 GiB of 79.0 GiB that are free; "
        "--workers-per-gpu N takes any other number"
    )


def test_other_programs_take_their_part(host: Host) -> None:
    host.use("60000")
    assert find_gpu_share(PLAN, None, list_device_slots(), host.make_group("65000")).workers == 3  # 21,920 MiB free


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (InputError("a worker meant for a GPU needs one"), "a worker meant for a GPU needs one"),
        (TooSlow(), "the largest network does not train within 300 s"),
    ],
)
def test_what_cannot_be_measured_is_one_worker(host: Host, error: Exception, words: str) -> None:
    share = find_gpu_share(PLAN, None, list_device_slots(), host.make_group(error=error))
    assert share.workers == 1 and words in share.line and "--workers-per-gpu N" in share.line


def test_memory_that_does_not_grow_is_not_believed(host: Host) -> None:
    share = find_gpu_share(PLAN, None, list_device_slots(), host.make_group("1000"))
    assert share.workers == 1 and "shows no memory" in share.line


def test_a_gpu_without_a_figure_is_one_worker(host: Host) -> None:
    host.use("[N/A]")
    share = find_gpu_share(PLAN, None, list_device_slots(), host.make_group("9000"))
    assert share.workers == 1 and "must tell the memory of each GPU; got none for GPU-aaaa" in share.line


def test_without_a_gpu_it_is_one_and_says_so(host: Host) -> None:
    share = find_gpu_share(PLAN, None, list_device_slots(device="cpu"))
    assert (share.workers, share.line[:62]) == (1, "--workers-per-gpu auto is 1, since no GPU is used; --workers s")
