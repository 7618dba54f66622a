"""Checks of this machine: Python and libraries, GPUs, workers, folders."""

import shutil
import sys
from pathlib import Path

from search.backend import BACKENDS
from search.doctor.check import Check
from search.study.provenance import LIBRARIES, versions
from search.supervisor.devices import (
    CPU_SLOT_BYTES,
    NVIDIA_SMI,
    DeviceChoice,
    list_device_slots,
    list_gpus,
    memory_bytes,
)
from storage.artifacts.folder import REMEDY
from storage.artifacts.store import artifacts_folder, open_artifacts
from storage.folders import check_writable, remove_unused_folders
from storage.settings import Settings

OLDEST_PYTHON = (3, 11)
LOW_MIB = 1024  # of free space: the pictures and checkpoints of a hundred trials


def look_at_python() -> list[Check]:
    """The versions of Python and of the libraries that affect a result; `look_at_backend` checks the backend."""
    found = versions()
    shown = ", ".join(f"{name} {version}" for name, version in found.items())
    missing = [name for name in LIBRARIES if name not in found and name not in BACKENDS]
    if sys.version_info < OLDEST_PYTHON:
        text = f"Python must be 3.11 or newer; got {found['python']}; name another one with make PYTHON=..."
        return [Check("python", "problem", text)]
    if missing:
        text = f"all libraries must be installed; got none of {', '.join(missing)}; install requirements.lock again"
        return [Check("python", "problem", text)]
    return [Check("python", "ok", shown)]


def look_at_gpus() -> list[Check]:
    """The GPUs that nvidia-smi lists and CUDA_VISIBLE_DEVICES selects."""
    gpus = list_gpus()
    if gpus:
        return [Check("gpus", "ok", ", ".join(gpu.name for gpu in gpus))]
    if shutil.which(NVIDIA_SMI[0]) is None:
        return [Check("gpus", "ok", "none: there is no nvidia-smi, and the CPU is used")]
    text = "nvidia-smi should list GPUs where it is installed; got none; call it to see why, see CUDA_VISIBLE_DEVICES"
    return [Check("gpus", "warning", text)]


def look_at_workers(workers: int | None, device: DeviceChoice) -> list[Check]:
    """The worker processes that a search would start here, and whether memory suffices for them. Raises InputError."""
    slots = list_device_slots(workers, device)
    shown = f"{len(slots)}: " + "; ".join(sorted({slot.device for slot in slots}))
    needed, available = len(slots) * CPU_SLOT_BYTES, memory_bytes()
    if needed > available:
        text = (
            f"a worker should have {CPU_SLOT_BYTES / 2**30:.0f} GiB of memory; "
            f"got {available / 2**30:.1f} GiB for {shown}; start fewer with --workers"
        )
        return [Check("workers", "warning", text)]
    return [Check("workers", "ok", shown)]


def look_at_run_folder(settings: Settings) -> list[Check]:
    """Whether the folder of logs, best.toml and the embedded server is writable. Raises StorageError."""
    return [_look_at_folder("run folder", settings.dir.expanduser().absolute(), "give another one with --dir")]


def look_at_artifacts(settings: Settings) -> list[Check]:
    """Whether the folder or bucket of pictures and checkpoints is writable. Raises StorageError."""
    folder = artifacts_folder(settings)
    if folder is None:
        return [Check("artifacts", "ok", f"{open_artifacts(settings)} can be written")]
    return [_look_at_folder("artifacts", folder, REMEDY)]


def _look_at_folder(name: str, folder: Path, what_to_do: str) -> Check:
    """Writes into the folder, which is removed afterwards where it did not exist."""
    with remove_unused_folders(folder):
        check_writable(folder, what_to_do)
        free_mib = shutil.disk_usage(folder).free >> 20
    if free_mib < LOW_MIB:
        text = f"{LOW_MIB} MiB should be free; got {free_mib} MiB in {folder}; free some, or {what_to_do}"
        return Check(name, "warning", text)
    return Check(name, "ok", f"{folder} can be written, {free_mib / 1024:,.1f} GiB free")
