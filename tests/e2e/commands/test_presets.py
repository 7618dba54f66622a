"""`unet-search presets`."""

import json
from pathlib import Path

from tests.e2e.command import run_command
from tests.training.test_presets import PUBLISHED


def test_it_counts_the_parameters_of_all_presets(tmp_path: Path) -> None:
    rows = json.loads(run_command("presets --json", tmp_path).output())
    counted = {row["name"]: (row["parameters"], row["trainable"]) for row in rows}
    assert counted.pop("default") == (482_440, 481_016)
    assert counted.pop("mars") == (118_960, 118_304)
    assert counted == PUBLISHED
    assert not list(tmp_path.iterdir())
