"""Search files, exported configurations, models and options that cannot be."""

from pathlib import Path

import pytest

from tests.e2e.command import call, refuse
from tests.e2e.good_input import BEST


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


def test_an_engine_that_is_none(place: Path) -> None:
    commands = ["init search.toml", "train best.toml -o out", "evaluate model --data good.npz"]
    refuse(commands, r"KERAS_BACKEND must be one of .*; got 'tensorflaw'", place, KERAS_BACKEND="tensorflaw")


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
