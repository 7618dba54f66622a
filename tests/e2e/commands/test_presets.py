"""`unet-search presets`, the real command."""

import json
from pathlib import Path

from tests.e2e.launch import finish
from tests.training.test_presets import PUBLISHED


def test_one_command_prints_the_parameters_of_all_presets(tmp_path: Path) -> None:
    rows = json.loads(finish("presets", "--json", cwd=tmp_path))
    counted = {row["name"]: (row["parameters"], row["trainable"]) for row in rows}
    assert counted.pop("default") == (482_440, 481_016)
    assert counted == PUBLISHED
    assert not list(tmp_path.iterdir())
