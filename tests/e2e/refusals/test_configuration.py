"""Search files, exported configurations, models and options that are invalid."""

from pathlib import Path

import pytest

from tests.e2e.command import run_command, run_forked
from tests.e2e.input_folder import CONFIG
from tests.e2e.refusal import assert_refused


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[study]\ntrails = 3", r"unknown key 'study\.trails'; did you mean 'study\.trials'\?"),
        ('[space]\n"model.depth" = { int = [5, 2] }', r"model\.depth: low must not be above high; got \[5, 2\]"),
        ("[train", r"must be valid TOML; got \S*bad\.toml"),
    ],
)
def test_an_invalid_search(input_folder: Path, text: str, words: str) -> None:
    (input_folder / "bad.toml").write_text(text)
    assert_refused([f"{command} bad.toml --data good.npz" for command in ("init", "run")], words, input_folder)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"model = = 3", r"must be valid TOML; got \S*best\.toml"),
        (b"[model]\ndeepth = 3", r"unknown key 'model\.deepth'; did you mean 'model\.depth'\?"),
        (b"[model]\ndepth = 9", r"model\.depth: .*less than or equal to 5; got 9"),
        (b"[model]\ndepth = nan", r"model\.depth: .*; got nan"),
        (b"model = 3", r"model: .*; got 3"),
        (b"provenance = 3\n" + CONFIG.encode(), r"provenance must be a table; got 3 in \S*best\.toml"),
        (b"provenance = { fingerprint = 3 }\n" + CONFIG.encode(), r"provenance\.fingerprint must be text; got 3"),
        (b"provenance = { fingerprint = 'abc' }\n" + CONFIG.encode(), r"data must be those of the search, .*; got"),
        (b"", r"a data set must be named; got no data.path"),
        (b"\x89PNG\r\n\x1a\n\0\xff\xfe", r"must be readable UTF-8 text; got \S*best\.toml"),
        (b"\0" * 100, r"must be valid TOML; got \S*best\.toml"),
        (b"[" * 100_000, r"must be valid TOML; got \S*best\.toml"),
        (b"seed = " + b"9" * 10_000, r"must be valid TOML; got \S*best\.toml: Exceeds the limit"),
    ],
)
def test_an_invalid_configuration(input_folder: Path, content: bytes, words: str) -> None:
    (input_folder / "best.toml").write_bytes(content)
    assert_refused("retrain best.toml -o deep/out", words, input_folder)


def test_a_folder_without_a_model(input_folder: Path) -> None:
    lines = ["evaluate none --data good.npz", "predict none --data good.npz -o masks.npz"]
    assert_refused(lines, r"must hold model\.keras; got none; make one with retrain", input_folder)


def test_masks_in_a_file_of_another_kind(input_folder: Path) -> None:
    line = "predict model --data good.npz -o deep/masks.txt"
    assert_refused(line, r"\.npz, \.csv or a folder; got \.txt", input_folder)


def test_a_file_that_is_no_model(input_folder: Path) -> None:
    words = r"must be a model that Keras loads in safe mode; got model/model"
    assert_refused("evaluate model --data good.npz", words, input_folder)


def test_an_unknown_backend(input_folder: Path) -> None:
    lines = ["init search.toml", "run search.toml", "train best.toml -o out", "evaluate model --data good.npz"]
    words = r"KERAS_BACKEND must be one of .*; got 'tensorflaw'"
    assert_refused(lines, words, input_folder, KERAS_BACKEND="tensorflaw")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("data check good.npz --set model.dept=3", "did you mean 'model.depth'"),
        ("data check good.npz --set model.depth", "--set must be PATH=VALUE"),
        ("train defualt --data good.npz", "a TOML file or a preset; got defualt; presets: .*default"),
        ("run search.toml --workers 0", "--workers must be 1 to 1,000; got 0"),
        ("run search.toml --workers 99999999999", "--workers must be 1 to 1,000; got 99999999999"),
        ("run search.toml --workers-per-gpu 0", "--workers-per-gpu must be 1 to 1,000, or auto; got '0'"),
        ("worker --workers-per-gpu many", "--workers-per-gpu must be 1 to 1,000, or auto; got 'many'"),
        ("tune search.toml --seconds 4", "--seconds must be 5 to 3,600; got 4"),
        ("tune search.toml --seconds nan", "--seconds must be 5 to 3,600; got nan"),
        ("tune best.toml --set model.dept=3", "did you mean 'model.depth'"),
        ("tune basic_unte", "a search must be a TOML file; got basic_unte, which is no file"),
        (f"run search.toml --trials {2**31}", "study.trials: must be less than 2147483648; got 2147483648"),
        (f"init search.toml --trials {2**63}", f"study.trials: must be less than 2147483648; got {2**63}"),
        (f"init search.toml --set budget.epochs={2**63}", "number must fit in 64 bits; got one of 64 bits in --set"),
        (f"train best.toml -o out --set budget.patience=1{'0' * 400}", "must fit in 64 bits; got one of 1329 bits"),
        ("init search.toml --set optimizer.weight_decay=1e400", "weight_decay: must be a finite number; got inf"),
        ("run search.toml --timeout 1e400", "study.timeout_s: must be a finite number; got inf"),
        ("run search.toml --trials 0", "study.trials: must be .* 1; got 0"),
        ("run search.toml --timeout nan", "study.timeout_s: must be .*; got nan"),
    ],
)
def test_an_option_with_an_invalid_value(input_folder: Path, line: str, words: str) -> None:
    assert_refused(line, words, input_folder)


@pytest.mark.parametrize(
    "line", ["--no-such", "nothing", "data", "data check", "status --no-such", "run --trials many", "retrain best.toml"]
)
def test_a_wrong_usage_has_status_2(tmp_path: Path, line: str) -> None:
    done = run_forked(line, tmp_path)
    assert done.status == 2 and "Usage: unet-search" in done.err + done.out and "Traceback" not in done.err


def test_a_command_that_is_started_afresh_says_the_same(input_folder: Path) -> None:
    """What `run_forked` relies on."""
    for line in ("nothing", "run --trials many", "status", "run search.toml --trials 0", "--help"):
        assert run_command(line, input_folder) == run_forked(line, input_folder)
