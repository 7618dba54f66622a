"""The software behind a result: versions of the libraries, which are not imported for it, and the source's commit."""

import os
import platform
import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path

LIBRARIES = ("unet-search", "keras", "tensorflow", "jax", "numpy", "optuna", "albumentations")


@cache
def versions() -> dict[str, str]:
    """The versions of Python and of the installed libraries that affect a result, by name."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


@cache
def commit() -> str | None:
    """The commit of the source tree, with `-dirty` appended where files differ from it; None where it is unknown.

    Outside a git checkout, as in a container image, it is UNET_SEARCH_COMMIT.
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
