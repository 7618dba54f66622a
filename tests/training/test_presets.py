"""The report's four systems: their published sizes, and that each trains and predicts."""

from pathlib import Path

import keras
import numpy as np
import pytest

from search.space.axis import contains
from search.study.plan import load_plan
from tests.data_sets import FOUND, make_dataset
from tests.training.elsewhere import predict_elsewhere
from trainer.config import TrainConfig
from trainer.configfile import flatten, load_config, override, preset_names
from trainer.model.unet import build_model, count_trainable
from trainer.result.save import save_model
from trainer.training.fit import Fitted, train

COURSE = (64, 128, 1)
PUBLISHED = {  # all, trainable; counted from the report's notebooks
    "basic_unet": (473_669, 472_389),
    "dual_unet_aug": (8_331_713, 8_324_545),
    "unet_d_aug": (7_926_917, 7_920_261),
    "final_model": (7_226_465, 7_220_321),
}
# All kinds of layers of each system, in one level; squeezed channels that not one dead ReLU can block.
TINY = FOUND | {
    "model.width": 4,
    "model.depth": 1,
    "model.se_ratio": 1,
    "model.coarse_depth": 1,
    "budget.steps": 1,
    "budget.epochs": 1,
    "optimizer.batch_size": 8,
    "optimizer.average": 0.0,
    "optimizer.weight_decay": 0.0,
    "schedule.warmup": 0.0,
}


def test_the_presets_are_the_reports_and_our_own() -> None:
    assert set(preset_names()) == {*PUBLISHED, "default", "mars"}


def test_the_best_on_mars_is_of_the_default_space() -> None:
    config, base, space = load_config("mars"), TrainConfig(), load_plan(None).space
    values = {path: value for path, value in flatten(config).items() if flatten(base)[path] != value}
    outside = {"optimizer.batch_size", "budget.steps", "budget.epochs"}
    assert {axis.path for axis in space.axes} >= set(values) - outside
    assert all(contains(axis, values[axis.path]) for axis in space.axes if axis.path in values)


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_system_has_the_published_parameters(name: str) -> None:
    model = build_model(load_config(name).model, COURSE, 5)
    assert (model.count_params(), count_trainable(model)) == PUBLISHED[name]


@pytest.fixture(scope="module")
def systems() -> dict[str, Fitted]:
    """Each trained for one step."""
    return {name: train(override(load_config(name), TINY), make_dataset()) for name in PUBLISHED}


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_step_trains_every_layer_of_a_system(systems: dict[str, Fitted], name: str) -> None:
    fitted = systems[name]
    keras.utils.set_random_seed(fitted.config.seed)
    untrained = build_model(fitted.config.model, (16, 16, 1), 3, fitted.config.masked_class)
    pairs = zip(fitted.model.trainable_variables, untrained.trainable_variables, strict=True)
    still = [one.path for one, other in pairs if np.array_equal(one, other)]
    assert not still
    assert np.isfinite(fitted.history[0].loss)


def test_a_systems_model_computes_the_same_elsewhere(systems: dict[str, Fitted], tmp_path: Path) -> None:
    images = make_dataset(seed=5).images
    for name, fitted in systems.items():
        save_model(fitted.model, tmp_path / f"{name}.keras")
    found = predict_elsewhere([tmp_path / f"{name}.keras" for name in systems], images, tmp_path)
    for fitted, logits in zip(systems.values(), found, strict=True):
        assert np.ptp(logits) > 0.01
        np.testing.assert_allclose(logits, fitted.model(images), rtol=1e-4, atol=1e-4)
