"""The machine of a measurement, in words."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

LIBRARIES = ("tensorflow", "keras", "numpy", "albumentations", "opencv-python-headless")


def describe_machine(threads: int) -> str:
    """Processor, cores, threads and versions, in one line."""
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return (
        f"{model}, {os.cpu_count()} cores, {threads} of them used by as many threads; "
        f"Python {platform.python_version()}, {libraries}"
    )
