"""What was found, as a table that a search reads."""

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from search.study.plan import load_plan
from tests.unit.data.look.sources import colours_of, grid, of_arrays, of_files, palette_picture
from trainer.config import DataConfig
from trainer.data.item import Source
from trainer.data.look.look import look
from trainer.data.look.table import write_table
from trainer.errors import InputError


def write(source: Source, folder: Path, **data: Any) -> tuple[DataConfig, dict[str, Any]]:
    """What is found, and the table `train.data` of what is written."""
    found = look(source, DataConfig(**data))
    path = write_table(found, folder / "new" / "search.toml")
    return found.config, tomllib.loads(path.read_text("utf-8"))["train"]["data"]


def sources(folder: Path) -> list[Source]:
    deep = [np.full((16, 16, 4), value, np.uint16) for value in (300, 700)]
    return [
        of_arrays([grid(0, 255)]),
        of_arrays([grid(0, 1, 2, 255), grid(0, 1, side=40)]),
        of_arrays([colours_of(grid(0, 0xFF0000, dtype=np.int32))]),
        of_arrays([grid(-1, 0, 1, dtype=np.int16)] * 2, deep),
        of_files(folder, {"a.png": palette_picture(grid(0, 1), [0, 0xFF])}),
        of_arrays([grid(0, 1, 2)], is_course=True),
    ]


@pytest.mark.parametrize("case", range(6))
def test_it_says_all_that_was_found(case: int, tmp_path: Path) -> None:
    config, data = write(sources(tmp_path)[case], tmp_path)
    assert DataConfig.model_validate(data) == config


@pytest.mark.parametrize("case", range(6))
def test_a_search_reads_it(case: int, tmp_path: Path) -> None:
    config, _ = write(sources(tmp_path)[case], tmp_path, path=str(tmp_path / "data"))
    assert load_plan(tmp_path / "new" / "search.toml").base.data == config


def test_none_is_a_word(tmp_path: Path) -> None:
    _, data = write(of_arrays([grid(0, 1)]), tmp_path)
    assert [data[key] for key in ("ignore", "scale", "resize", "patch")] == ["none"] * 4
    assert not {"channels", "groups", "limit", "labels"} & data.keys()


def test_other_choices_are_kept_and_paths_are_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _, data = write(of_arrays([grid(0, 1)]), tmp_path, images="a", masks="b", validation="c", oversample=3)
    assert [data[key] for key in ("images", "masks", "validation")] == [str(tmp_path / name) for name in "abc"]
    assert data["oversample"] == 3 and "clean" not in data


def test_lines_are_comments(tmp_path: Path) -> None:
    source = of_arrays([grid(0, 1)])
    odd = Source(source.path, source.items, "odd\nname = 3")
    write(odd, tmp_path)
    assert "# layout: odd\\nname = 3\n" in (tmp_path / "new" / "search.toml").read_text("utf-8")


def test_a_file_is_not_replaced(tmp_path: Path) -> None:
    found = look(of_arrays([grid(0, 1)]), DataConfig())
    (tmp_path / "search.toml").write_text("mine")
    with pytest.raises(InputError, match="must be a new file"):
        write_table(found, tmp_path / "search.toml")
    assert (tmp_path / "search.toml").read_text() == "mine"


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    found = look(of_arrays([grid(0, 1)]), DataConfig())
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="must be writable"):
        write_table(found, tmp_path / "file" / "search.toml")
