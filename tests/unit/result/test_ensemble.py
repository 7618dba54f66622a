"""Which results can predict together."""

import re
from pathlib import Path
from typing import Any

import pytest

from trainer.config import DataConfig, TrainConfig
from trainer.configfile import override, write_config
from trainer.errors import InputError
from trainer.result import ensemble
from trainer.result.ensemble import read_ensemble

DATA = {
    "data.classes": 3,
    "data.names": ("sky", "road", "car"),
    "data.labels": {"0": 0, "128": 1, "255": 2},
    "data.ignore": 0,
    "data.channels": 1,
    "data.scale": (0.0, 4095.0),
    "data.resize": (64, 96),
    "data.patch": None,
}
OTHERS = [
    ("data.classes", {"data.classes": 4, "data.names": ()}, "3", "4"),
    ("data.names[1]", {"data.names": ("sky", "street", "car")}, "road", "street"),
    ("data.names", {"data.names": ()}, "('sky', 'road', 'car')", "()"),
    ("data.labels.128", {"data.labels": {"0": 0, "127": 1, "255": 2}}, "1", "none"),
    ("data.labels.255", {"data.labels": {"0": 0, "128": 1, "255": 255}}, "2", "255"),
    ("data.unlisted", {"data.unlisted": "nearest"}, "error", "nearest"),
    ("data.mask_format", {"data.mask_format": "palette"}, "grey", "palette"),
    ("data.colours", {"data.colours": ("#000000", "#ff0000", "#00ff00")}, "()", "('#000000', '#ff0000', '#00ff00')"),
    ("data.ignore", {"data.ignore": None}, "0", "none"),
    ("data.channels", {"data.channels": 3}, "1", "3"),
    ("data.scale[1]", {"data.scale": (0.0, 255.5)}, "4095.0", "255.5"),
    ("data.resize", {"data.resize": (64, 64)}, "(64, 96)", "(64, 64)"),
    ("data.fit", {"data.fit": "pad"}, "stretch", "pad"),
]


def write_result(folder: Path, **more: Any) -> Path:
    """A folder as far as it is read without Keras."""
    folder.mkdir()
    (folder / "model.keras").touch()
    write_config(override(TrainConfig(), DATA | more), folder / "config.toml")
    return folder


@pytest.mark.parametrize(("path", "changes", "mine", "theirs"), OTHERS)
def test_the_first_difference_is_named_with_both_values(
    tmp_path: Path, path: str, changes: dict[str, Any], mine: str, theirs: str
) -> None:
    folders = [write_result(tmp_path / "a"), write_result(tmp_path / "b"), write_result(tmp_path / "c", **changes)]
    line = f"must agree in {path}; got {mine} in {folders[0]} and {theirs} in {folders[2]}; predict with each"
    with pytest.raises(InputError, match=re.escape(line)):
        read_ensemble(folders)


def test_networks_trained_in_other_ways_may_predict_together(tmp_path: Path) -> None:
    changes = {"data.path": "x", "data.patch": (32, 32), "data.overlap": 0.2, "data.oversample": 3, "data.limit": 9}
    folders = [write_result(tmp_path / "a"), write_result(tmp_path / "b", **changes, **{"model.depth": 4, "seed": 1})]
    assert read_ensemble(folders) == override(TrainConfig(), DATA)


def test_every_field_either_must_agree_or_does_not_matter() -> None:
    """A new field of the data belongs to one of the two."""
    free = {"path", "images", "masks", "validation", "groups", "patch", "patch_classes", "overlap", "clean", "limit"}
    free |= {"fold", "oversample", "oversample_class"}
    assert set(ensemble._DECIDING) | free == set(DataConfig.model_fields)


def test_a_folder_without_a_network_is_refused(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    with pytest.raises(InputError, match=r"must hold model\.keras; got \S*b;"):
        read_ensemble([write_result(tmp_path / "a"), tmp_path / "b"])


def test_results_of_an_earlier_version_have_nothing_left_to_find(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.keras").touch()
        (tmp_path / name / "config.toml").write_text("[data]\nclasses = 3\n")
    data = read_ensemble([tmp_path / "a", tmp_path / "b"]).data
    assert (data.ignore, data.scale, data.patch) == (None, None, None)
