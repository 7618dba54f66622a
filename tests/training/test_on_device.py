"""Training by images that are augmented in the compiled step."""

import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.data_sets import PLAIN, make_dataset, with_pixels
from tests.training.test_exact_resume import SHORT, assert_same_state
from tests.unit.on_device.both import compiled
from trainer.config import TrainConfig
from trainer.configfile import override
from trainer.errors import InputError
from trainer.model.unet import build_networks
from trainer.on_device.augment import make_device_augment
from trainer.on_device.network import AugmentedNetwork
from trainer.pipeline.batches import Batches
from trainer.training.fit import train
from trainer.training.history import Epoch
from trainer.training.step import make_step

DEVICE = {"augment.where": "device", "augment.mode": "dynamic"}
MANY = DEVICE | {
    "augment.geometric": 0.5,
    "augment.elastic": 0.5,
    "augment.noise": 0.5,
    "augment.cutmix": 0.5,
}


def configured(**changes: Any) -> TrainConfig:
    return override(TrainConfig(), PLAIN | DEVICE | {key.replace("__", "."): value for key, value in changes.items()})


def test_training_learns() -> None:
    """Where classes are told apart by brightness, which must therefore stay."""
    changes = {"augment__geometric": 1.0, "augment__elastic": 0.5, "augment__colour": 0.0}
    fitted = train(configured(**changes, budget__epochs=8), make_dataset())
    assert fitted.history[-1].loss < 0.8 * fitted.history[0].loss
    assert fitted.final.miou > 0.9


def test_a_resumed_training_ends_bit_by_bit_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.training.checkpoint.INTERVAL_S", 0.0)
    whole, copy = tmp_path / "whole.npz", tmp_path / "copy.npz"
    config = override(TrainConfig(), SHORT | MANY | {"model.dropout": 0.2})

    def copy_second(epoch: Epoch) -> bool:
        if epoch.epoch == 3:  # which is reported before it is saved
            shutil.copy(whole, copy)
        return True

    train(config, make_dataset(), copy_second, whole)
    resumed: list[int] = []
    train(config, make_dataset(), lambda epoch: resumed.append(epoch.epoch) is None, copy)
    assert resumed == [3, 4]
    assert_same_state(copy, whole)


# Another test of this process may have made TensorFlow deterministic, whereupon Keras leaves XLA off.
@pytest.mark.filterwarnings("ignore:Model doesn't support `jit_compile=True`")
@pytest.mark.parametrize(
    "changes",
    [
        MANY | {"model.deep_supervision": True, "model.precision": "mixed_bfloat16", "optimizer.average": 0.0},
        DEVICE | {"optimizer.jit_compile": True},
    ],
)
def test_networks_of_every_kind_are_trained(changes: dict[str, Any]) -> None:
    """By images of 16 bits as well."""
    dataset = make_dataset()
    finer = with_pixels(dataset, images=[image.astype(np.float32) for image in dataset.images])
    fitted = train(override(TrainConfig(), PLAIN | changes | {"budget.epochs": 1}), finer)
    assert np.isfinite(fitted.history[0].loss)
    assert fitted.model.inputs[0].dtype == "float32" and len(fitted.model.inputs) == 1


def build(config: TrainConfig) -> keras.Model:
    keras.utils.set_random_seed(0)
    return build_networks(config.model, (16, 16, 1), 3, None, "uint8")[1]


def test_a_step_learns_by_what_the_augmentation_makes_of_its_batch() -> None:
    config = override(TrainConfig(), PLAIN | MANY)
    augment = make_device_augment(config.augment, (16, 16, 1))
    images, masks = Batches(config, make_dataset()).batch(0)
    changed = [np.asarray(array) for array in compiled(augment)(images, masks, np.array(7, np.int32))]
    losses, weights = [], []
    for model, batch in ((build(config), changed), (AugmentedNetwork(build(config), augment), (images, masks, 7))):
        model.compile(keras.optimizers.SGD(0.1), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        losses.append(make_step(model)(*batch)())
        weights.append(np.concatenate([np.ravel(array) for array in model.get_weights()]))
    assert (changed[0] != images).any() and (changed[1] != masks).any()
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    np.testing.assert_allclose(weights[0], weights[1], atol=1e-5)


def test_it_has_the_variables_of_its_network_alone() -> None:
    network = build(configured(model__norm="batch", model__dropout=0.1))
    augmented = AugmentedNetwork(network, make_device_augment(configured().augment, (16, 16, 1)))
    for name in ("variables", "trainable_variables", "weights"):
        assert list(map(id, getattr(augmented, name))) == list(map(id, getattr(network, name)))


def test_batches_are_those_before_the_transforms() -> None:
    """Pasted and mixed as ever."""
    mixed = {"augment__paste": 1.0, "augment__cutmix": 1.0, "augment__noise": 1.0}
    device, plain = (
        Batches(configured(**mixed, augment__mode=mode), make_dataset()).batch(3) for mode in ("dynamic", "none")
    )
    for one, other in zip(device, plain, strict=True):
        np.testing.assert_array_equal(one, other)


def test_static_copies_are_not_made_on_the_device() -> None:
    with pytest.raises(
        InputError, match=r'^augment.where must be "host" with augment.mode "static".*got "device"'
    ) as at:
        configured(augment__mode="static")
    assert "\n" not in str(at.value)


def test_without_transforms_nothing_is_augmented() -> None:
    """Anywhere."""
    histories = [
        train(configured(augment__mode="none", augment__where=where, budget__epochs=1), make_dataset()).history[0].loss
        for where in ("host", "device")
    ]
    assert histories[0] == histories[1]
