"""The same cases read by the command, which must exit with status 0, or with 2 and one line."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.fuzz.case import READ, REFUSED, Case, write_case

COMMAND_S = 180  # Keras is imported
LINES = {
    "npz": ("data", "check", "{}", "--set", "data.validation=0.5"),
    "npy": ("data", "check", "{}", "--set", "data.validation=0.5"),
    "pictures": ("data", "check", "{}", "--set", "data.validation=0.5"),
    "tiff": ("data", "check", "{}", "--set", "data.validation=0.5"),
    "config": ("presets", "{}"),
    "plan": ("run", "{}", "--data", "nowhere.npz"),
    "backup": ("db", "restore", "{}", "--dir", "run"),
    "model": ("predict", "{}", "--data", "test.npz", "-o", "masks.npz"),
}


def try_command(case: Case, model: bytes | None = None) -> str:
    """The case's outcome when a command reads it."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as top:
        folder = Path(top, "a")
        folder.mkdir()
        np.savez(Path(top, "test.npz"), test_set=np.zeros((2, 16, 16), np.uint8))
        source = write_case(case, folder, model)
        command = [str(Path(sys.executable).with_name("unet-search"))]
        command += [part.format(source) for part in LINES[case.kind]]
        try:
            done = subprocess.run(command, cwd=top, capture_output=True, timeout=COMMAND_S)
        except subprocess.TimeoutExpired:
            return "hang"
    lines = done.stderr.decode("utf-8", "replace").splitlines()
    if done.returncode == 0:
        return READ
    if done.returncode == 2 and len(lines) == 1 and lines[0].startswith("unet-search: ") and lines[0].isprintable():
        return REFUSED
    return f"status {done.returncode}, {json.dumps(lines[:3])}"
