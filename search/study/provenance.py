"""What made a result: versions of the libraries and the commit of the source, without importing any of them."""

import os
import platform
import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path

LIBRARIES = ("unet-search", "keras", "tensorflow", "jax", "numpy", "optuna", "albumentations")


@cache
def versions() -> dict[str, str]:
    """Python's version and those of the installed libraries that decide a result."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


@cache
def commit() -> str | None:
    """The commit of the source tree, `-dirty` behind it where files differ.

    Outside a git checkout, as in an image, that of UNET_SEARCH_COMMIT; None where nobody knows.
    """
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return os.environ.get("UNET_SEARCH_COMMIT") or None
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None
