"""Shared by all tests: the environment of the backend, and the real data set where it is available."""

import os
from pathlib import Path

import pytest

import search  # noqa: F401  # before TensorFlow, as the commands do

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # as the commands do
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")  # tiny networks train faster on the CPU
for threads in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(threads, "1")  # pytest-xdist has a process for each core

pytest_plugins = ("tests.postgres_server", "tests.bucket_server", "tests.data_sets")
ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def mars() -> Path:
    """The real Mars images; skips the test where they are missing."""
    path = Path(os.environ.get("UNET_SEARCH_MARS", ROOT.parent / "shared" / "data" / "mars_64x128.npz"))
    if not path.is_file():
        pytest.skip(f"the real data set is not at {path}; name it in UNET_SEARCH_MARS")
    return path
