"""Configurations as TOML files, and changes by path."""

from pathlib import Path

import pytest

from trainer.config import TrainConfig
from trainer.configfile import (
    dump_config,
    flatten,
    load_config,
    override,
    parse_config,
    preset_names,
    read_toml,
    write_config,
)
from trainer.errors import InputError


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_is_a_configuration(name: str) -> None:
    assert isinstance(load_config(name), TrainConfig)


def test_a_written_configuration_reads_back_equal(tmp_path: Path) -> None:
    config = override(load_config("default"), {"data.ignore": None, "data.resize": (32, 64), "model.depth": 4})
    write_config(config, tmp_path / "c.toml", {"value": 0.5})
    assert load_config(tmp_path / "c.toml") == config


def test_none_is_written_as_a_word() -> None:
    config = override(load_config("default"), {"data.ignore": "none"})
    assert config.data.ignore is None
    assert dump_config(config)["data"]["ignore"] == "none"


def test_paths_name_every_field() -> None:
    paths = flatten(TrainConfig())
    assert paths["model.depth"] == 3
    assert "seed" in paths


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model.depth": 9}, "model.depth: must be less than or equal to 5; got 9"),
        ({"model.dept": 3}, "got 'model.dept'; did you mean 'model.depth'?"),
        ({"optimizer.learning_rate": float("nan")}, "must be a finite number; got nan"),
        ({"loss.name": "focall"}, "loss.name"),
        ({"data.names": ("a",)}, "must name all 5 classes; got 1"),
    ],
)
def test_bad_values_are_refused_in_one_line(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InputError) as error:
        override(TrainConfig(), changes)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_an_unknown_key_names_the_nearest() -> None:
    with pytest.raises(InputError, match=r"unknown key 'model.deepth'; did you mean 'model.depth'\?"):
        parse_config({"model": {"deepth": 3}})


@pytest.mark.parametrize("text", ["a = = 1", "[" * 5000, "\x00"])
def test_a_file_that_is_no_toml_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "c.toml").write_text(text)
    with pytest.raises(InputError, match="must be valid TOML"):
        read_toml(tmp_path / "c.toml")


def test_a_missing_file_names_the_presets() -> None:
    with pytest.raises(InputError, match=r"a TOML file or a preset; got nowhere\.toml; presets: .*default"):
        load_config("nowhere.toml")
