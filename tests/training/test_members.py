"""Ensembles: one network of several, chosen on the validation side."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from scipy.special import softmax

from tests.data_sets import PLAIN, make_dataset
from tests.training.elsewhere import predict_elsewhere
from trainer.config import TrainConfig
from trainer.configfile import override
from trainer.data.dataset import Dataset
from trainer.model.together import combine
from trainer.model.unet import build_model
from trainer.result.members import Ensemble, choose, write_ensemble
from trainer.result.save import load_result, write_result
from trainer.training.fit import train

NAMES = ("seed-0", "seed-1", "seed-2")


def nothing(*_: Any) -> None:
    """No pictures."""


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return make_dataset()


@pytest.fixture(scope="module")
def folders(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The results of three seeds."""
    parent = tmp_path_factory.mktemp("members")
    for seed, name in enumerate(NAMES):
        fitted = train(override(TrainConfig(), PLAIN | {"seed": seed, "budget.epochs": 2}), dataset)
        write_result(fitted, dataset, parent / name, nothing)
    return [parent / name for name in NAMES]


def test_its_softmax_is_the_mean_of_theirs_and_a_masked_class_is_never_found() -> None:
    config = override(TrainConfig(), PLAIN).model
    networks = []
    for seed in range(3):
        keras.utils.set_random_seed(seed)
        networks.append(build_model(config, (8, 8, 1), 3, masked=0))
    images = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 1), np.uint8)
    together = np.asarray(combine(networks)(images))
    alone = np.mean([softmax(np.asarray(network(images)), axis=-1) for network in networks], axis=0)
    np.testing.assert_allclose(softmax(together, axis=-1), alone, atol=1e-6)
    assert np.isfinite(together).all() and (together.argmax(-1) != 0).all()


def test_networks_are_added_while_they_make_it_better() -> None:
    values = {(0,): 0.5, (1,): 0.6, (2,): 0.55, (1, 0): 0.61, (1, 2): 0.65, (1, 2, 0): 0.64}
    asked = []

    def judge(members: tuple[int, ...]) -> Ensemble:
        asked.append(members)
        return Ensemble(members, values[members], np.zeros((1, 2, 2), np.int64))

    singles = [judge((member,)) for member in range(3)]
    assert choose(singles, judge).members == (1, 2)
    assert asked == [(0,), (1,), (2,), (1, 0), (1, 2), (1, 2, 0)]
    assert choose(singles[:1], judge).members == (0,)


def test_the_best_ensemble_is_a_result_like_any_other(folders: list[Path], dataset: Dataset, tmp_path: Path) -> None:
    config = override(TrainConfig(), PLAIN)
    found = write_ensemble(folders, config, dataset, tmp_path)
    assert json.loads((tmp_path / "metrics.json").read_text()) == json.loads(json.dumps(found))
    assert set(found["singles"]) == set(NAMES) and set(found["members"]) <= set(NAMES)
    assert found["value"] >= max(found["singles"].values())
    model, read = load_result(tmp_path)
    assert read == config
    members = [load_result(folder)[0] for folder in folders if folder.name in found["members"]]
    images = np.stack([dataset.images[index] for index in dataset.validation[:4]])
    expected = np.mean([softmax(np.asarray(member(images)), axis=-1) for member in members], axis=0)
    np.testing.assert_allclose(softmax(np.asarray(model(images)), axis=-1), expected, atol=1e-5)
    assert np.load(tmp_path / "confusions.npy").sum() > 0


def test_without_validation_all_are_taken(folders: list[Path], dataset: Dataset, tmp_path: Path) -> None:
    found = write_ensemble(
        folders, override(TrainConfig(), PLAIN), replace(dataset, validation=dataset.validation[:0]), tmp_path
    )
    assert found["members"] == list(NAMES) and found["value"] is None and found["singles"] == {}
    assert not (tmp_path / "confusions.npy").exists()


def test_plain_keras_loads_it_in_safe_mode_elsewhere(folders: list[Path], dataset: Dataset, tmp_path: Path) -> None:
    write_ensemble(folders, override(TrainConfig(), PLAIN), dataset, tmp_path)
    images = np.stack([dataset.images[index] for index in dataset.validation[:2]])
    here = np.asarray(load_result(tmp_path)[0](images))
    [elsewhere] = predict_elsewhere([tmp_path / "model.keras"], images, tmp_path)
    np.testing.assert_allclose(elsewhere, here, atol=1e-4)
