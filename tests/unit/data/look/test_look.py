"""What looking at a data set tells, keeps and reads."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.unit.data.look.sources import colours_of, grid, of_arrays, of_files, palette_picture, with_tests
from trainer.config import DataConfig
from trainer.data.item import Item, Reference, Source
from trainer.data.look import scan
from trainer.data.look.found import FoundValue, Look
from trainer.data.look.look import look
from trainer.data.progress import no_progress
from trainer.data.threads import in_threads
from trainer.errors import InputError


def test_lines_tell_one_fact_each(tmp_path: Path) -> None:
    masks = {f"{i}.png": palette_picture(grid(0, 1, 2, 2), [0, 0xFF0000, 0x00FF00]) for i in range(4)}
    source = of_files(tmp_path, masks, {"3.png": "validation"})
    unread = tuple(tmp_path / name for name in ("a.txt", "b.txt", "c.txt", "d\n.txt"))
    source = Source(source.path, source.items, source.layout, unread)
    assert look(source, DataConfig(ignore=0)).found == (
        "layout: images/ and masks/",
        "4 labelled images, 16x16 (height x width)",
        "files: images 4 .png; masks 4 .png",
        "channels: grey, 8 bits",
        "masks: indices of a palette, 3 different ones in all",
        "class 0 (0): index 0 #000000, 25.00% of the pixels",
        "class 1 (1): index 1 #ff0000, 25.00% of the pixels",
        "class 2 (2): index 2 #00ff00, 50.00% of the pixels",
        "not scored: class 0 (0), 25.00% of the pixels",
        "pixel values: 0 to 255 as they are",
        "networks see whole images",
        "validation: an official part, 1 image",
        "not read: 4 files, a.txt, b.txt, c.txt, ...",
    )


def test_lines_tell_void_sizes_scale_and_patch() -> None:
    masks = [grid(0, 1, 1, 255), grid(0, 0, 1, 255, side=40)]
    images = [np.full((side, side, 3), 300, np.uint16) for side in (16, 40)]
    lines = look(of_arrays(masks, images), DataConfig(scale=(0, 1023))).found
    assert lines[1:5] == (
        "2 labelled images, 2 sizes from 16x16 to 40x40 (height x width)",
        "files: images 2 in data.npz; masks 2 in data.npz",
        "channels: RGB, 16 bits",
        "masks: grey values, 3 different ones in all",
    )
    assert "class 1 (foreground): value 1, 28.45% of the pixels" in lines
    assert "not scored: value 255, 25.00% of the pixels (void)" in lines
    assert lines[-2:] == ("pixel values: 0 becomes 0, 1023 becomes 255", "networks see patches of 32x32")


def test_lines_tell_colours_resize_and_groups() -> None:
    source = of_arrays([colours_of(grid(0, 0xFF0000, dtype=np.int32))] * 2)
    items = tuple(Item(i.name, i.image, i.mask, i.side, group) for i, group in zip(source.items, "ab", strict=True))
    lines = look(Source(source.path, items, ""), DataConfig(resize=(8, 8), fit="pad")).found
    assert "class 1 (#ff0000): colour #ff0000, 50.00% of the pixels" in lines
    assert "networks see whole images, padded to 8x8" in lines
    assert "groups: 2, none of which is split" in lines


def test_groups_that_names_suggest_are_told_ready_to_use(tmp_path: Path) -> None:
    masks = {f"patient{i // 3}_{i % 3}.png": Image.fromarray(grid(0, 1)) for i in range(9)}
    *_, line = look(of_files(tmp_path, masks), DataConfig()).found
    assert line.startswith("groups: none are given, but names look like 3, such as patient0; ")
    pattern = line.split("data.groups = ")[1].strip("'")
    assert {match.group(1) for name in masks if (match := re.search(pattern, name))} == {
        "patient0",
        "patient1",
        "patient2",
    }


def test_many_classes_are_told_in_short() -> None:
    lines = look(of_arrays([grid(*range(40), side=80)]), DataConfig()).found
    assert sum(line.startswith("class ") for line in lines) == 32 and "8 more classes" in lines


def test_values_are_listed_with_their_classes() -> None:
    values = look(
        of_arrays([grid(0, 0, 50, 255), grid(0, 255)]), DataConfig(labels={"0": 0, "255": 1, "50": 255})
    ).values
    assert values == (
        FoundValue("0", 0.5, 2, 0),
        FoundValue("50", 0.125, 1, 255),
        FoundValue("255", 0.375, 2, 1),
    )


def test_it_is_kept_as_text() -> None:
    source = with_tests(of_arrays([grid(0, 1), grid(0, 255, side=40)][:1]), np.zeros((4, 4, 5), np.uint8))
    config = DataConfig(path="odd \udce9 path", labels={"0": 1, "1": 0}, resize=(8, 8), names=("a", "b"))
    found = look(source, config)
    assert found.warnings and found.values
    text = found.to_json()
    assert json.loads(text)["config"]["resize"] == [8, 8]
    assert Look.from_json(text) == found


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"config": {"classes": 1}}'])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="must be as it was written"):
        Look.from_json(text)


def test_every_mask_and_header_is_read_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    reads: Counter[tuple[str, str]] = Counter()
    for name in ("read_mask", "read_header"):
        monkeypatch.setattr(scan, name, _counting(getattr(scan, name), name, reads))
    masks = {f"{i}.png": palette_picture(grid(0, i + 1), range(8)) for i in range(6)}
    look(of_files(tmp_path, masks), DataConfig(resize=(8, 8)))
    assert len(reads) == 12 and set(reads.values()) == {1}


def _counting(read: Any, name: str, reads: Counter[tuple[str, str]]) -> Any:
    def wrapped(reference: Reference) -> Any:
        reads[name, str(reference)] += 1
        return read(reference)

    return wrapped


def test_progress_is_told() -> None:
    told: list[tuple[str, int, int]] = []
    look(of_arrays([grid(0, 1)] * 3), DataConfig(), progress=lambda *what: told.append(what))
    assert told == [("masks read", done, 3) for done in (1, 2, 3)]


def test_results_come_in_order_and_the_first_error_is_raised() -> None:
    assert list(in_threads(lambda x: x * x, range(100), "", no_progress)) == [x * x for x in range(100)]

    def fail(number: int) -> int:
        if number >= 7:
            raise InputError(str(number))
        return number

    with pytest.raises(InputError, match=r"^7$"):
        list(in_threads(fail, range(100), "", no_progress))


def test_at_most_some_results_wait_for_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.data.threads.count_threads", lambda: 2)
    started: list[int] = []
    results = in_threads(started.append, range(1000), "", no_progress)
    next(results)
    assert len(started) <= 8
    results.close()  # type: ignore[attr-defined]
