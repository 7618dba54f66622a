"""Checks that the backend loads, and that it sees the GPUs that a search would give it."""

import json
import os
import subprocess
from typing import Any

from search.backend import choose_backend
from search.doctor.check import Check
from search.study.provenance import versions
from search.supervisor.devices import DeviceChoice, list_gpus
from search.supervisor.python import module_command, module_path
from trainer.errors import InputError

PROBE_S = 180.0  # the limit; the first import from a slow disk takes a minute
PROBE_ENVIRONMENT = {
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",  # otherwise it takes the memory of a GPU that a search is using
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "NO_ALBUMENTATIONS_UPDATE": "1",
}


def look_at_backend(device: DeviceChoice) -> list[Check]:
    """Whether the backend loads, and sees a GPU where workers would be given one. Raises InputError."""
    backend = choose_backend()
    gpus = probe(device)["gpus"]
    shown = f"{backend} {versions().get(backend, '')}".strip()
    if not gpus and (device == "gpu" or (device == "auto" and list_gpus())):
        text = (
            f"{shown} must see the GPUs that workers are given; got none; check the driver and the backend's CUDA "
            "libraries, or search with --device cpu"
        )
        return [Check("backend", "problem", text)]
    return [Check("backend", "ok", f"{shown} loads and sees {', '.join(gpus) or 'the CPU'}")]


def probe(device: DeviceChoice) -> dict[str, Any]:
    """The name and the GPUs of the backend in a new process. Raises InputError where it does not load."""
    try:
        done = subprocess.run(
            module_command("search.doctor.probe", device),
            env={**os.environ, **PROBE_ENVIRONMENT, "PYTHONPATH": module_path()},
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=PROBE_S,
        )
    except subprocess.TimeoutExpired:
        raise InputError(f"the backend must load; got nothing in {PROBE_S:.0f} s; try again, or reinstall it") from None
    if done.returncode:
        last_line = (done.stderr.strip() or "no word").splitlines()[-1]
        raise InputError(f"the backend must load; got exit status {done.returncode}: {last_line}; install it again")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
