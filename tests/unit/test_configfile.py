"""Configurations as TOML files, and changes by path."""

import time
import tracemalloc
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
        ({"data.resize": (0, 5)}, "data.resize"),
        ({"data.classes": 5, "data.names": ("a",)}, "must name all 5 classes; got 1"),
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


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (".".join("a" * 200_000) + " = 1", "must be nested at most 20 deep"),
        ("a = {" + " . ".join(["'b'"] * 50_000) + " = 1}", "must be nested at most 20 deep"),
        ("[" + ".".join('"c"' for _ in range(100_000)) + "]", "must be nested at most 20 deep"),
        ("".join(f"a{number}.b = 1\n" for number in range(50_000)), "must have at most 10,000 values"),
        ("[data]\nnames = [" + "0, " * 100_000 + "]", "must have at most 10,000 values"),
        ("#" * 1_100_000, "must have at most 1,048,576 characters"),
    ],
    ids=["dotted", "inline", "table", "many", "list", "long"],
)
def test_what_would_take_gigabytes_is_refused_in_a_line(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "c.toml").write_text(text)
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=words) as error:
            load_config(tmp_path / "c.toml")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(str(error.value)) < 500 and peak < 100 << 20


@pytest.mark.parametrize("text", ["a." * 500_000, "'" * 1_000_000, '"a".' * 250_000 + '"', "a" * 1_000_000])
def test_no_text_makes_the_check_of_its_keys_slow(tmp_path: Path, text: str) -> None:
    (tmp_path / "c.toml").write_text(text)
    started = time.process_time()
    with pytest.raises(InputError):
        read_toml(tmp_path / "c.toml")
    assert time.process_time() - started < 10
