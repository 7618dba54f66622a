"""Real processes that refuse, die or are ended."""

from pathlib import Path
from time import monotonic

import psutil
import pytest

from search.supervisor.devices import list_device_slots
from search.tuning.job import Job
from search.tuning.process import Group, TooSlow
from tests.e2e.input_folder import write_input
from trainer.config import TrainConfig
from trainer.configfile import load_config, override
from trainer.errors import InputError

LIMIT_S = 120.0


@pytest.fixture
def config(tmp_path: Path) -> TrainConfig:
    write_input(tmp_path)
    found = {"data.path": str(tmp_path / "good.npz"), "data.classes": 5, "data.ignore": 0}
    return override(load_config(tmp_path / "best.toml"), found | {"data.scale": None, "data.patch": None})


def test_a_job_that_is_refused(tmp_path: Path) -> None:
    missing = override(TrainConfig(), {"data.path": str(tmp_path / "none.npz")})
    with Group(Job(missing, None), list_device_slots(1, "cpu")) as group:
        with pytest.raises(InputError, match=r"none\.npz"):
            group.wait_ready(monotonic() + LIMIT_S)


def test_a_process_that_dies(tmp_path: Path, config: TrainConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "broken" / "tensorflow"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("import os\nos.write(2, b'no such driver')\nos.abort()\n")
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    with Group(Job(config, None), list_device_slots(1, "cpu")) as group:
        with pytest.raises(InputError, match="must live; got exit status -6: no such driver"):
            group.wait_ready(monotonic() + LIMIT_S)


def test_processes_that_are_too_slow_are_ended(config: TrainConfig) -> None:
    before = set(psutil.Process().children(recursive=True))
    with Group(Job(config, None), list_device_slots(2, "cpu")) as group:
        started = set(psutil.Process().children(recursive=True)) - before
        assert len(started) == 2
        with pytest.raises(TooSlow):
            group.wait_ready(monotonic())
    assert not any(process.is_running() for process in started)
