"""Bad input to the real command: status 2, one line with the rule and the value, nothing half-made left behind."""

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.e2e.command import call, refuse
from tests.e2e.conftest import Search

DATA = (
    "data check {}",
    "retrain best.toml --data {} -o out",
    "run search.toml --data {}",
    "evaluate model --data {}",
)
TEST_DATA = "predict model --data {} -o masks.npz"
MORE = (
    "data clean {} -o clean.npz",
    "train default --data {} -o out",
    "init search.toml --data {}",
)  # read as those do
BEST = """
model = { depth = 1, width = 4, stem = 1 }
data = { path = "good.npz", validation = 0.5, clean = false }
budget = { epochs = 1 }
"""
SEARCH = """
study = { name = "fake", trials = 2 }
[train]
data = { path = "good.npz", validation = 0.5, clean = false }
budget = { epochs = 2 }
[space]
"model.width" = { choice = [8, 16, 32] }
"""
CLOSED = "postgresql://someone:s3cret@127.0.0.1:{}/studies"
FAKE = "--tools tests.fake_train:tools --workers 1 --device cpu"
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a file system")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with good input of every kind, where commands run."""
    np.savez(tmp_path / "good.npz", **arrays())
    (tmp_path / "best.toml").write_text(BEST)
    (tmp_path / "search.toml").write_text(SEARCH)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.keras").write_bytes(b"not a zip")
    (tmp_path / "model" / "config.toml").write_text(BEST)
    return tmp_path


def arrays(size: tuple[int, int] = (16, 16), count: int = 8, dtype: Any = np.uint8) -> dict[str, Any]:
    random = np.random.default_rng(0)
    pairs = np.stack([random.integers(0, 256, (count, *size)), random.integers(0, 5, (count, *size))], axis=1)
    return {
        "training_set": pairs.astype(dtype),
        "test_set": random.integers(0, 256, (2, *size)).astype(dtype),
        "training_groups": np.arange(count).astype(str),
    }


def on(path: str, *commands: str) -> list[str]:
    return [command.format(path) for command in commands]


def test_no_such_file(place: Path) -> None:
    refuse(
        on("none.npz", *DATA, *MORE, TEST_DATA),
        r"data must be an npz file or a folder; got \S*none\.npz",
        place,
        at_once=2,
    )


def test_not_an_npz(place: Path) -> None:
    (place / "bad.npz").write_text("id,label\n0,1\n")
    refuse(on("bad.npz", *DATA, TEST_DATA), r"must be a whole npz file; got \S*bad\.npz", place, at_once=2)


def test_a_truncated_npz(place: Path) -> None:
    whole = (place / "good.npz").read_bytes()
    (place / "bad.npz").write_bytes(whole[: len(whole) // 2])
    refuse(on("bad.npz", *DATA, TEST_DATA), r"must be a whole npz file; got \S*bad\.npz", place, at_once=2)


def test_an_npz_with_pickled_objects(place: Path) -> None:
    objects = np.array([{"code": print}], dtype=object)
    np.savez(place / "bad.npz", training_set=objects, test_set=objects)
    refuse(on("bad.npz", *DATA, TEST_DATA), r"got dtype object; pickled objects are not read", place, at_once=2)


def test_a_missing_key(place: Path) -> None:
    np.savez(place / "bad.npz", images=arrays()["test_set"])
    refuse(
        on("bad.npz", *DATA), r"must have the key training_set, or images and masks; got images in", place, at_once=2
    )
    refuse(on("bad.npz", TEST_DATA), r"under the key test_set or test_images; got images in", place, at_once=2)


def test_masks_with_label_7(place: Path) -> None:
    bad = arrays()
    bad["training_set"][3, 1, 0, 0] = 7
    np.savez(place / "bad.npz", **bad)
    refuse(
        on("bad.npz", *DATA), "labels must be 0 to 4; got label 7 in 1 masks, the first of image 3", place, at_once=2
    )


def test_images_and_masks_of_different_size(place: Path) -> None:
    for name, size in (("images", (16, 16)), ("masks", (16, 8))):
        (place / "bad" / name).mkdir(parents=True)
        Image.new("L", size, 1).save(place / "bad" / name / "0.png")
    refuse(on("bad", *DATA), r"0\.png 16x16 and \S*0\.png 8x16", place, at_once=2)
    np.savez(place / "bad.npz", images=np.ones((2, 16, 16)), masks=np.ones((2, 16, 8)))
    refuse(
        on("bad.npz", DATA[0]), r"mask of its size; got images \(2, 16, 16\) and masks \(2, 16, 8\)", place, at_once=2
    )


def test_nan_pixels(place: Path) -> None:
    bad = arrays(dtype=np.float32)
    bad["training_set"][1, 0, 2, 2] = bad["test_set"][1, 2, 2] = np.nan
    np.savez(place / "bad.npz", **bad)
    refuse(on("bad.npz", *DATA, TEST_DATA), "must be whole numbers from 0 to 255; got nan in image 1", place, at_once=2)


def test_an_empty_folder(place: Path) -> None:
    (place / "bad").mkdir()
    refuse(on("bad", *DATA), r"must have images/ and masks/; got no folder \S*bad/images", place, at_once=2)
    refuse(on("bad", TEST_DATA), r"must hold .png or .jpg or .jpeg files; got none in bad", place, at_once=2)


def test_images_that_do_not_halve_so_often(place: Path) -> None:
    np.savez(place / "bad.npz", **arrays((60, 100)))
    deep = " --set model.depth=5 --set model.stem=1"
    commands = [f"{line}{deep}" for line in on("bad.npz", *DATA[1:3], *MORE[1:])]
    refuse(commands, "height and width must be multiples of 32 with model.depth 5 .*; got 60x100", place)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[study]\ntrails = 3", r"unknown key 'study\.trails'; did you mean 'study\.trials'\?"),
        ('[space]\n"model.depth" = { int = [5, 2] }', r"model\.depth: low must not be above high; got \[5, 2\]"),
        ("[train", r"must be valid TOML; got \S*bad\.toml"),
    ],
)
def test_a_search_that_cannot_be(place: Path, text: str, words: str) -> None:
    (place / "bad.toml").write_text(text)
    refuse([f"{command} bad.toml --data good.npz" for command in ("init", "run")], words, place)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"model = = 3", r"must be valid TOML; got \S*best\.toml"),
        (b"[model]\ndeepth = 3", r"unknown key 'model\.deepth'; did you mean 'model\.depth'\?"),
        (b"[model]\ndepth = 9", r"model\.depth: .*less than or equal to 5; got 9"),
        (b"[model]\ndepth = nan", r"model\.depth: .*; got nan"),
        (b"model = 3", r"model: .*; got 3"),
        (b"provenance = 3\n" + BEST.encode(), r"provenance must be a table; got 3 in \S*best\.toml"),
        (b"provenance = { fingerprint = 3 }\n" + BEST.encode(), r"provenance\.fingerprint must be text; got 3"),
        (b"provenance = { fingerprint = 'abc' }\n" + BEST.encode(), r"data must be those of the search, .*; got"),
        (b"", r"data\.path must name an npz file or a folder; got none"),
        (b"\x89PNG\r\n\x1a\n\0\xff\xfe", r"must be readable UTF-8 text; got \S*best\.toml"),
        (b"\0" * 100, r"must be valid TOML; got \S*best\.toml"),
        (b"[" * 100_000, r"must be valid TOML; got \S*best\.toml"),
        (b"seed = " + b"9" * 10_000, r"must be valid TOML; got \S*best\.toml: Exceeds the limit"),
    ],
)
def test_a_best_toml_edited_into_nonsense(place: Path, content: bytes, words: str) -> None:
    (place / "best.toml").write_bytes(content)
    refuse("retrain best.toml -o deep/out", words, place)


def test_a_folder_without_a_model(place: Path) -> None:
    refuse(
        ["evaluate none --data good.npz", "predict none --data good.npz -o masks.npz"],
        r"must hold model\.keras; got none; make one with retrain",
        place,
    )
    refuse("predict model --data good.npz -o deep/masks.txt", r"\.npz, \.csv or a folder; got \.txt", place)


def test_a_model_that_is_none(place: Path) -> None:
    refuse("evaluate model --data good.npz", r"must be a model that Keras loads in safe mode; got model/model", place)


USERS = ("status", "stop", "export -o best.toml", "worker", "dashboard")  # of a study that is there


def test_a_database_that_does_not_answer(place: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))  # bound and not listening: nobody else can take it
        url = CLOSED.format(free.getsockname()[1])
        commands = [*USERS, "init search.toml", f"run search.toml {FAKE}"]
        words = r"the database must answer; got .*refused.* from postgresql\S*://someone:\*\*\*@127\.0\.0\.1"
        refuse(commands, words, place, DATABASE_URL=url)


def test_a_database_that_says_nothing(place: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = CLOSED.format(silent.getsockname()[1])
        refuse("status --json", r"the database must answer; got .*timeout expired", place, DATABASE_URL=url)


@pytest.mark.parametrize("url", ["mysql://a:s3cret@h/d", "nonsense", "postgresql://a:s3cr@et@h:port/d"])
def test_a_url_that_is_none_of_a_database(place: Path, url: str) -> None:
    refuse("status", r"DATABASE_URL must (start with|be) postgresql://", place, DATABASE_URL=url)


def test_a_database_without_a_study(place: Path, search: Search) -> None:
    environ = {"DATABASE_URL": search.db.url}
    refuse(["status", "stop"], r"a study must be named .*; got none; in the database: none", place, **environ)
    refuse("status --study other", r"a study must exist; got other; in the database: none", place, **environ)


def test_a_folder_without_a_study(place: Path) -> None:
    refuse(list(USERS), r"the run's folder must hold a study; got none in unet-search", place)


def test_a_study_whose_question_differs(place: Path, search: Search) -> None:
    environ = {"DATABASE_URL": search.db.url}
    assert call(f"init search.toml --dir {search.folder / 'elsewhere'}", place, **environ).status == 0
    (place / "space.toml").write_text(SEARCH.replace("16, 32", "16, 64"))
    np.savez(place / "other.npz", **arrays(count=9))
    both = (f"run {{}} {FAKE}", "init {}")
    refuse(
        on("space.toml", *both),
        r"one question; got space\.model\.width.* is .*32.* in the study and .*64.* here",
        place,
        **environ,
    )
    words = r'one question; got data\.fingerprint is "\w{64}" in the study and "\w{64}" here'
    refuse([*on("search.toml --data other.npz", *both), f"worker --data other.npz {FAKE}"], words, place, **environ)
    # The engine is only looked for until the study refuses it, so that an empty package will do.
    (place / "engines" / "jax").mkdir(parents=True)
    (place / "engines" / "jax" / "__init__.py").touch()
    refuse(
        [*on("search.toml", *both), f"worker {FAKE}"],
        'one question; got engine is "tensorflow" in the study and "jax" here',
        place,
        KERAS_BACKEND="jax",
        PYTHONPATH="engines",
        **environ,
    )


def test_an_engine_that_is_none(place: Path) -> None:
    commands = ["init search.toml", "train best.toml -o out", "evaluate model --data good.npz"]
    refuse(commands, r"KERAS_BACKEND must be one of .*; got 'tensorflaw'", place, KERAS_BACKEND="tensorflaw")


WRITERS = (
    "init search.toml --dir {0}/run",
    f"run search.toml {FAKE} --dir {{0}}/run",
    "train best.toml -o {0}/out",
    "retrain best.toml -o {0}/deep/out",
    "data clean large.npz -o {0}/clean.npz",
    "data check good.npz --sheet {0}/deep/sheet.png",
)


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[Path]:
    """A small file system of its own, mounted at a new folder."""
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"a file system cannot be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def write_large(place: Path) -> None:
    np.savez(place / "large.npz", **arrays((64, 64), 32))


@needs_root
def test_a_read_only_folder(place: Path) -> None:
    write_large(place)
    with mounted(place / "there", "ro,size=4m"):
        refuse(
            [*on("there", *WRITERS), "train default --dir there/run"],
            r"must be writable; got \S*there\S* ?.*ead-only",
            place,
        )


@needs_root
def test_a_full_disk(place: Path) -> None:
    with mounted(place / "there", "size=4k"):
        words = r"must be writable; got \S*there\S* ?.*[Nn]o space left"
        refuse(on("there", *WRITERS[:2], WRITERS[3], "init --dir {}/run"), words, place)


@needs_root
def test_a_disk_that_fills_while_training(place: Path) -> None:
    (place / "wide.toml").write_text(BEST.replace("depth = 1, width = 4", "depth = 3, width = 32"))
    with mounted(place / "there", "size=2m"):
        refuse("retrain wide.toml -o there/deep/out", "files must be writable; got .*No space left", place)


def test_an_export_that_cannot_be(place: Path, search: Search) -> None:
    environ = {"DATABASE_URL": search.db.url}
    search.create(1)
    refuse("export -o best.toml", "needs a complete trial; study fake has none yet", place, **environ)
    assert search.run(1) == 0
    words = r"a file must be writable; got \S*best\.toml: "
    refuse("export -o none/best.toml", f"{words}No such file", place, **environ)
    refuse("export -o best.toml", f"{words}File too large", place, file_bytes=256, **environ)
    refuse("export --trial 7 -o best.toml", r"must be complete or pruned; got 7 \(no such trial\)", place, **environ)
    refuse("dashboard --port 1 --host 192.0.2.1", "needs a free port; got 192.0.2.1:1", place, **environ)


def test_files_that_may_not_grow(place: Path) -> None:
    write_large(place)
    refuse(on("there", *WRITERS), r"must be writable; got \S*there\S* ?.*[Ff]ile too large", place, file_bytes=1024)


@needs_root
def test_a_disk_without_room_for_a_server(place: Path) -> None:
    with mounted(place / "there", "size=40m"):
        commands = on("there", "init search.toml --dir {}/run", f"run search.toml {FAKE} --dir {{}}/run")
        refuse(commands, r"100 MiB must be free; got \d+ MiB in \S*there/run; free some or give another", place)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("data check good.npz --set model.dept=3", "did you mean 'model.depth'"),
        ("data check good.npz --set model.depth", "--set must be PATH=VALUE"),
        ("train defualt --data good.npz", "a TOML file or a preset; got defualt; presets: .*default"),
        ("run search.toml --workers 0", "--workers must be 1 or more; got 0"),
        ("run search.toml --trials 0", "study.trials: must be .* 1; got 0"),
        ("run search.toml --timeout nan", "study.timeout_s: must be .*; got nan"),
    ],
)
def test_an_option_with_a_bad_value(place: Path, line: str, words: str) -> None:
    refuse(line, words, place)


@pytest.mark.parametrize(
    "line", ["--no-such", "nothing", "data", "data check", "status --no-such", "run --trials many", "retrain best.toml"]
)
def test_a_wrong_usage_has_status_2(place: Path, line: str) -> None:
    done = call(line, place)
    assert done.status == 2 and "Usage: " in done.err + done.out and "Traceback" not in done.err
