"""The report's four systems: their published sizes, and that each trains."""

from pathlib import Path

import numpy as np
import pytest

from tests.data_sets import make_dataset
from tests.training.test_result import assert_same_elsewhere
from trainer.configfile import load_config, override, preset_names
from trainer.model.unet import build_model, count_trainable
from trainer.result.save import write_result
from trainer.training.fit import train

COURSE = (64, 128, 1)
PUBLISHED = {  # all, trainable; counted from the report's notebooks
    "basic_unet": (473_669, 472_389),
    "dual_unet_aug": (8_331_713, 8_324_545),
    "unet_d_aug": (7_926_917, 7_920_261),
    "final_model": (7_226_465, 7_220_321),
}


def test_the_presets_are_the_reports_and_our_own() -> None:
    assert set(preset_names()) == {*PUBLISHED, "default"}


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_system_has_the_published_parameters(name: str) -> None:
    model = build_model(load_config(name).model, COURSE, 5)
    assert (model.count_params(), count_trainable(model)) == PUBLISHED[name]


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_system_trains_and_its_model_predicts_the_same_elsewhere(name: str, tmp_path: Path) -> None:
    tiny = {"model.width": 4, "budget.epochs": 1, "budget.images": 16, "optimizer.batch_size": 8, "data.classes": 3}
    fitted = train(override(load_config(name), tiny), make_dataset())
    assert np.isfinite(fitted.history[0].loss)
    write_result(fitted, make_dataset(), tmp_path)
    assert_same_elsewhere(tmp_path, fitted, tmp_path)
