"""What is recommended of what was measured, and how it is shown."""

import io
import tomllib
from typing import Any

from rich.console import Console

from search.tuning.contenders import Kind
from search.tuning.judge import Ratio, Verdict
from search.tuning.measured import Measured
from search.tuning.recommend import RISKY, SAFE, recommend
from search.tuning.table import measured_table, recommendation_lines


def row(kind: Kind, ratio: float, verdict: Verdict = "faster", workers: int = 1, **more: Any) -> Measured:
    changes = {path.replace("__", "."): value for path, value in more.items() if "__" in path}
    fields = {name: value for name, value in more.items() if "__" not in name}
    figures = {"images_per_second": 100 * ratio, "ratio": Ratio(ratio, ratio - 0.02, ratio + 0.02), "first_step_s": 5.0}
    return Measured(f"{kind} {ratio}", kind, workers, 1, changes, verdict, **figures, **fields)


AS_IT_IS = row("layout", 1.0, "as it is", 2)
BATCHES = [row("batch", 1.2, optimizer__batch_size=16), row("batch", 1.4, optimizer__batch_size=64)]
PRECISION = row("precision", 1.5, model__precision="mixed_float16")


def test_nothing_faster_leaves_all_as_it_is() -> None:
    rows = [AS_IT_IS, row("layout", 1.3, "no difference", 1), row("batch", 0.5, "slower", optimizer__batch_size=16)]
    found = recommend(rows, gpu=False, steps=1000)
    assert (found.options, found.settings, found.toml(), found.notes) == ((), {}, "", ())
    assert recommendation_lines(found, ["unet-search", "run"])[0].startswith("recommended: leave all as it is")


def test_the_fastest_number_of_workers() -> None:
    rows = [AS_IT_IS, row("layout", 1.2, workers=4), row("layout", 1.5, workers=8)]
    assert recommend(rows, gpu=False, steps=1000).options == ("--workers", "8")
    assert recommend(rows, gpu=True, steps=1000).options == ("--workers-per-gpu", "8")
    assert SAFE in recommend(rows, gpu=True, steps=1000).notes


def test_settings_are_lines_of_a_search_file() -> None:
    found = recommend([AS_IT_IS, *BATCHES, PRECISION], gpu=True, steps=1000)
    assert found.settings == {"optimizer.batch_size": 64, "model.precision": "mixed_float16"}
    tables = {"optimizer": {"batch_size": 64}, "model": {"precision": "mixed_float16"}}
    assert tomllib.loads(found.toml()) == {"train": tables}
    of_preset = found.toml("basic_unet")
    assert tomllib.loads(of_preset) == {"train": {"base": "basic_unet", **tables}}
    assert RISKY in found.notes and SAFE not in found.notes
    lines = recommendation_lines(found, ["unet-search", "run", "search.toml"])
    assert lines[0] == "recommended: unet-search run search.toml" and found.toml() in lines


def test_compilation_must_pay_within_a_trial() -> None:
    compiled = row("compilation", 1.2, optimizer__jit_compile=True, pays_after_steps=900)
    found = recommend([AS_IT_IS, compiled], gpu=False, steps=1000)
    assert tomllib.loads(found.toml()) == {"train": {"optimizer": {"jit_compile": True}}}
    found = recommend([AS_IT_IS, compiled], gpu=False, steps=900)
    assert not found.settings and "pays after 900 steps of the 900 of a trial" in found.notes[0]


def test_the_table_shows_what_was_measured() -> None:
    left_out = Measured("batch size 16", "batch", 1, 1, {}, "not measured", reason="no time")
    console = Console(width=80, file=io.StringIO())
    with console.capture() as capture:
        console.print(measured_table([AS_IT_IS, PRECISION, left_out]))
    lines = capture.get().splitlines()
    assert len(lines) == 3 and "1.50 (1.48 to 1.52)" in lines[2] and "150.0" in lines[2]
