"""Which configuration is measured."""

from pathlib import Path

import pytest

from search.tuning.source import is_training, load_base
from tests.e2e.input_folder import write_input
from trainer.config import TrainConfig
from trainer.configfile import load_config


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_input(tmp_path)
    return tmp_path


def test_a_search_file(folder: Path) -> None:
    source = str(folder / "search.toml")
    assert not is_training(source)
    assert load_base(source, {"model.width": 4}, gpu=False).model.width == 4
    assert load_base(source, {}, gpu=False).data.path == str((folder / "good.npz").resolve())


def test_a_single_configuration(folder: Path) -> None:
    for source in ("basic_unet", str(folder / "best.toml")):
        assert is_training(source)
        assert load_base(source, {}, gpu=False) == load_config(source)


def test_the_default_search_of_a_device() -> None:
    assert load_base(None, {}, gpu=True) == TrainConfig()
    assert load_base(None, {}, gpu=False).budget.steps == 1000
