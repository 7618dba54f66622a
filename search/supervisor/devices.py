"""The device slots of this host: the GPU or share of the cores of each worker process, and its environment."""

import math
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import psutil

from search.backend import ONEDNN, choose_backend
from trainer.cgroup import cpu_limit, memory_limit
from trainer.errors import InputError

DeviceChoice = Literal["auto", "gpu", "cpu"]
NVIDIA_SMI = ("nvidia-smi", "--query-gpu=index,uuid,name", "--format=csv,noheader")
MEMORY_QUERY = "--query-gpu=index,uuid,memory.used,memory.total"
NVIDIA_SMI_S = 20.0
MOST_SLOTS = 1000
MOST_CPU_SLOTS = 8
CPU_SLOT_BYTES = 3 * 2**30  # of a worker with its backend, data and a network of the default space


@dataclass(frozen=True)
class Gpu:
    """A GPU that this process may use. `token` selects it in CUDA_VISIBLE_DEVICES."""

    token: str
    name: str


@dataclass(frozen=True)
class GpuMemory:
    """The memory of a GPU, in bytes."""

    used: int  # by all processes, those of others too
    total: int


@dataclass(frozen=True)
class DeviceSlot:
    """A share of this host's devices, for one worker process."""

    index: int  # from 0
    device: str  # for people: "gpu 0 (NVIDIA H200)", "cpu, 2 threads"
    gpu: bool
    env: Mapping[str, str] = field(default_factory=dict)  # laid over the supervisor's environment


def list_device_slots(
    workers: int | None = None, device: DeviceChoice = "auto", deterministic: bool = False, per_gpu: int = 1
) -> tuple[DeviceSlot, ...]:
    """The host's slots: `per_gpu` for each GPU; on the CPU one for each core where memory suffices, at most 8.

    Args:
        workers: the number of slots instead; they share the GPUs, or the cores.
        device: "cpu" uses no GPU; "gpu" requires one.
        deterministic: whether the workers are to use deterministic kernels.
        per_gpu: the number of slots that share a GPU.

    Raises:
        InputError: `workers` is no possible number, or no GPU is found for "gpu".
    """
    if workers is not None and not 1 <= workers <= MOST_SLOTS:
        raise InputError(f"--workers must be 1 to {MOST_SLOTS:,}; got {workers}")
    gpus = [] if device == "cpu" else list_gpus()
    if device == "gpu" and not gpus:
        raise InputError("--device gpu needs a GPU that nvidia-smi lists; got none; check the driver or use the CPU")
    cores = count_cores()
    count = workers or len(gpus) * per_gpu or default_cpu_workers(cores, memory_bytes())
    threads = max(1, cores // count)
    return tuple(make_slot(index, gpus, threads, deterministic) for index in range(count))


def list_gpus(environ: Mapping[str, str] = os.environ) -> list[Gpu]:
    """The GPUs that nvidia-smi lists and CUDA_VISIBLE_DEVICES selects; none where there is no nvidia-smi."""
    try:
        done = subprocess.run(NVIDIA_SMI, capture_output=True, text=True, timeout=NVIDIA_SMI_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return visible_gpus(done.stdout, environ.get("CUDA_VISIBLE_DEVICES"))


def visible_gpus(listing: str, visible: str | None) -> list[Gpu]:
    """The GPUs of a listing that are visible.

    Args:
        listing: lines of "index, uuid, name".
        visible: CUDA_VISIBLE_DEVICES, interpreted as CUDA does; None where it is not set.
    """
    rows = [tuple(part.strip() for part in line.split(",", 2)) for line in listing.splitlines() if line.count(",") >= 2]
    if visible is None:
        return [Gpu(uuid, f"gpu {index} ({name})") for index, uuid, name in rows]
    found: list[Gpu] = []
    for token in (part.strip() for part in visible.split(",")):
        row = next((row for row in rows if token and (token == row[0] or row[1].startswith(token))), None)
        if row is None and not token.startswith("MIG-"):
            break  # CUDA ignores everything after an unknown device, such as -1
        found.append(Gpu(token, f"gpu {row[0]} ({row[2]})" if row else f"gpu {token}"))
    return found


def read_gpu_memory(token: str) -> GpuMemory | None:
    """The memory of the GPU that a token such as "0" or "GPU-5e1f" selects; None where nvidia-smi does not tell."""
    command = (NVIDIA_SMI[0], MEMORY_QUERY, "--format=csv,noheader,nounits")
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=NVIDIA_SMI_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    for line in done.stdout.splitlines():
        index, uuid, *mebibytes = (part.strip() for part in line.split(","))
        if token and (token == index or uuid.startswith(token)):
            known = len(mebibytes) == 2 and all(part.isdecimal() for part in mebibytes)
            return GpuMemory(int(mebibytes[0]) << 20, int(mebibytes[1]) << 20) if known else None
    return None


def count_cores() -> int:
    """The least of the cores that this process may run on, whose time its container may use, and its Slurm job has."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    given = os.environ.get("SLURM_CPUS_ON_NODE", "")  # not every cluster binds a job to its cores
    return max(1, math.ceil(min(cores, cpu_limit(), int(given) if given.isdecimal() else cores)))


def memory_bytes() -> int:
    """The memory of the machine, or of its container where that has less."""
    return int(min(psutil.virtual_memory().total, memory_limit()))


def default_cpu_workers(cores: int, memory: int) -> int:
    """The number of workers on the CPU: one for each core, if `memory` in bytes suffices, and at most 8."""
    return max(1, min(MOST_CPU_SLOTS, cores, memory // CPU_SLOT_BYTES))


def make_slot(index: int, gpus: Sequence[Gpu], threads: int, deterministic: bool) -> DeviceSlot:
    """A slot with one of the GPUs in turn, or else with so many threads on the CPU."""
    if gpus:
        gpu = gpus[index % len(gpus)]
        return DeviceSlot(index, gpu.name, True, _environment(gpu.token, threads, deterministic))
    device = f"cpu, {threads} thread{'s' if threads > 1 else ''}"
    return DeviceSlot(index, device, False, _environment("-1", threads, deterministic))  # "" would also hide all GPUs


def _environment(visible: str, threads: int, deterministic: bool) -> dict[str, str]:
    environment = {
        "CUDA_VISIBLE_DEVICES": visible,
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",  # several workers may share a GPU
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
        "TF_NUM_INTRAOP_THREADS": str(threads),
        "TF_NUM_INTEROP_THREADS": "1" if threads == 1 else "2",
        "OMP_NUM_THREADS": str(threads),
        ONEDNN[0]: os.environ.get(*ONEDNN),
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "NO_ALBUMENTATIONS_UPDATE": "1",  # otherwise every import checks for a newer version
        "KERAS_BACKEND": choose_backend(),
        "PYTHONUNBUFFERED": "1",
    }
    # Absent, not empty, where it is not wanted: TensorFlow crashes on an empty value.
    return environment | ({"TF_DETERMINISTIC_OPS": "1"} if deterministic else {})
