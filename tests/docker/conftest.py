"""The image, built once, and a stack for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docker.stack import PASSWORD, SEARCH, Stack, needs_compose, running
from tests.ports import free_port


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory, mars: Path) -> None:
    """Builds the CPU image of this source tree."""
    needs_compose()
    stack = Stack(tmp_path_factory.mktemp("image"), {"PASSWORD": "x", "DATA": str(mars), "DEVICE": "cpu"})
    stack.compose("build", "--quiet", "init")


@pytest.fixture
def stack(image: None, tmp_path: Path, mars: Path) -> Iterator[Stack]:
    """A stack for a tiny search on real data, on the CPU, with one worker."""
    (tmp_path / "search.toml").write_text(SEARCH)
    settings = {
        "PASSWORD": PASSWORD,
        "DATA": str(mars),
        "DEVICE": "cpu",
        "STUDY": "mars",
        "TRIALS": "3",
        "EPOCHS": "3",
        "SEARCH": str(tmp_path / "search.toml"),
        "WORKERS": "1",
        "OUT": str(tmp_path / "out"),
        "DASHBOARD_PORT": str(free_port()),
    }
    with running(Stack(tmp_path, settings)) as stack:
        yield stack
