"""A page embeds the pictures of a trial; damaged and huge ones cost it nothing."""

import json
import tracemalloc
from io import BytesIO
from pathlib import Path
from uuid import uuid4

import optuna
import pytest
from optuna.trial import FrozenTrial
from PIL import Image

from search.report.pictures import MAX_BYTES, MAX_PICTURES, embed_pictures
from storage.artifacts.folder import Folder


def png(width: int, height: int) -> bytes:
    file = BytesIO()
    Image.new("1", (width, height)).save(file, "PNG")
    return file.getvalue()


def make_trial(store: Folder, *pictures: bytes) -> FrozenTrial:
    """A trial with these pictures, called 0.png, 1.png and so on."""
    attrs = {}
    for number, content in enumerate(pictures):
        key = str(uuid4())
        (store.root / key).write_bytes(content)
        record = {"artifact_id": key, "filename": f"{number}.png", "mimetype": "image/png", "encoding": None}
        attrs[f"artifacts:{key}"] = json.dumps(record)
    return optuna.trial.create_trial(value=0.5, system_attrs=attrs)


@pytest.mark.parametrize(
    "hostile",
    [png(20_000, 20_000), png(6000, 6000), b"no picture", png(30, 20)[:-30], png(30, 20) + bytes(MAX_BYTES)],
    ids=["bomb", "large", "foreign", "cut", "long"],
)
def test_a_picture_that_cannot_be_shown_is_left_out(tmp_path: Path, hostile: bytes) -> None:
    store = Folder(tmp_path)
    tracemalloc.start()
    try:
        assert list(embed_pictures(make_trial(store, hostile, png(30, 20)), store)) == ["1.png"]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 80 << 20


def test_a_page_has_few_pictures_of_a_trial(tmp_path: Path) -> None:
    store = Folder(tmp_path)
    assert len(embed_pictures(make_trial(store, *[png(3, 3)] * 40), store)) == MAX_PICTURES


@pytest.mark.parametrize("record", ["", "null", "{}", "3", "[]", '{"filename": 3}', "[" * 100_000, 7, None, ["a"]])
def test_a_record_that_is_none_is_left_out(tmp_path: Path, record: object) -> None:
    trial = optuna.trial.create_trial(value=0.5, system_attrs={f"artifacts:{uuid4()}": record})
    assert embed_pictures(trial, Folder(tmp_path)) == {}
