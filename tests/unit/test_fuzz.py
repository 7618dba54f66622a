"""Corrupt input of every kind is read, or refused in one line; and regression tests for what fuzzing found."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.fuzz.case import READ, REFUSED, Case, try_case
from search.space.axis import contains, parse_axis
from search.study.plan import load_plan
from trainer.configfile import load_config
from trainer.data.memory import within_memory
from trainer.errors import InputError
from trainer.result.folder import unreadable_model


@pytest.mark.filterwarnings("ignore")  # decoders warn of what they then refuse
@pytest.mark.parametrize(
    ("kind", "count"),
    [("npz", 120), ("npy", 40), ("pictures", 120), ("tiff", 120), ("config", 40), ("plan", 60), ("backup", 100)],
)
def test_corrupt_input_is_read_or_refused_in_one_line(kind: str, count: int) -> None:
    outcomes = {seed: try_case(Case(kind, seed)) for seed in range(count)}
    assert not {seed: outcome for seed, outcome in outcomes.items() if outcome not in (READ, REFUSED)}
    assert set(outcomes.values()) == {READ, REFUSED}


def refused_config(folder: Path, text: str, words: str) -> None:
    (folder / "c.toml").write_text(text)
    with pytest.raises(InputError, match=words) as caught:
        load_config(folder / "c.toml")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500


@pytest.mark.parametrize("number", ["0x" + "f" * 5000, "-" + "9" * 30, str(2**63)])
def test_a_whole_number_of_more_than_64_bits_is_refused(tmp_path: Path, number: str) -> None:
    """Python cannot convert a number of 5,000 hexadecimal digits to text for the message."""
    refused_config(tmp_path, f"seed = {number}", r"a whole number must fit in 64 bits; got one of \d+ bits in ")


@pytest.mark.parametrize("start", ["seed", "model.depth", "provenance"])
def test_deeply_nested_dotted_keys_are_refused(tmp_path: Path, start: str) -> None:
    """The parser nests them without recursion, but Python cannot print the value."""
    refused_config(tmp_path, start + ".a" * 5000 + " = 1", "must be nested at most 20 deep; got deeper ones in ")


@pytest.mark.parametrize("text", ["[train]\nbase = {}", "[study]\nwarm_start = [{}]"])
def test_control_characters_in_a_name_are_escaped(tmp_path: Path, text: str) -> None:
    (tmp_path / "s.toml").write_text(text.format(r'"\u001b[31m"'))
    with pytest.raises(InputError, match=r"a TOML file or a preset; got \S*\\x1b\[31m; presets") as caught:
        load_plan(tmp_path / "s.toml")
    assert str(caught.value).isprintable()


def test_an_axis_of_more_steps_than_a_decimal_has_digits() -> None:
    axis = parse_axis("optimizer.learning_rate", {"float": [1e-4, 1e-1], "step": 1e-300})
    assert contains(axis, 2e-3) and not contains(axis, 1.0)


LIMITED = """
import resource, sys
from pathlib import Path
import psutil
from trainer.data.disk.arrays import read_arrays
from trainer.errors import InputError
size = psutil.Process().memory_info().vms + 256 * 2**20
resource.setrlimit(resource.RLIMIT_AS, (size, size))
try:
    read_arrays(Path(sys.argv[1]))
except InputError as error:
    sys.exit(str(error))
"""


def test_a_bomb_is_refused_before_it_unpacks_where_memory_is_limited(tmp_path: Path) -> None:
    """Its header is correct: 200 MiB, of which reading needs a copy, where the process may use 256 MiB more."""
    np.savez_compressed(tmp_path / "bomb.npz", training_set=np.zeros((25, 2, 2048, 2048), np.uint8))
    done = subprocess.run([sys.executable, "-c", LIMITED, tmp_path / "bomb.npz"], capture_output=True, text=True)
    words = "training_set and its copy while it is read must fit in memory; got 0.4 GiB with 0.2 GiB free"
    assert done.stderr.startswith(words), done.stderr


def test_a_memory_error_while_reading_is_one_line() -> None:
    with pytest.raises(InputError, match="must fit in memory, and what reading takes; got no more; use fewer"):
        with within_memory():
            raise MemoryError


def test_escape_sequences_in_messages_of_keras_are_removed(tmp_path: Path) -> None:
    error: Any = ValueError("calling f().\n\n\x1b[1mHeight must be\x07 even.\x1b[0m\u2028Arguments")
    assert str(unreadable_model(tmp_path, error)).endswith(": calling f(). Height must be even. Arguments")
