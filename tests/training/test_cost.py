"""What a network costs: its size by hand, its speed as far as a busy machine can tell."""

import keras
import numpy as np
import pytest

from tests.data_sets import TINY, make_dataset, make_ragged
from trainer.config import TrainConfig
from trainer.configfile import load_config, override
from trainer.cost import Size, Speed
from trainer.data.dataset import Dataset
from trainer.model.size import MIB, measure_size
from trainer.model.speed import count_windows, measure_speed
from trainer.model.unet import build_untrained


def test_the_size_is_that_of_the_weights_and_of_what_is_alive_at_once() -> None:
    image = keras.Input((256, 256, 2))
    skip = keras.layers.Conv2D(3, 1)(image)
    found = keras.layers.Conv2D(7, 1)(keras.layers.Conv2D(5, 1)(skip))
    network = keras.Model(image, keras.layers.Concatenate()([skip, found]))
    parameters = (2 * 3 + 3) + (3 * 5 + 5) + (5 * 7 + 7)
    worst = 3 + 7 + 10  # channels: skip, found, and both together
    assert measure_size(network) == Size(parameters, round((4 * parameters + 4 * 256 * 256 * worst) / MIB, 3))


def test_outputs_stay_alive() -> None:
    image = keras.Input((256, 256, 1))
    first = keras.layers.Conv2D(20, 1, use_bias=False)(image)
    second = keras.layers.Conv2D(4, 1, use_bias=False)(first)
    third = keras.layers.Conv2D(4, 1, use_bias=False)(second)
    memory = [measure_size(keras.Model(image, outputs)).memory_mib for outputs in (third, [first, third])]
    assert memory == pytest.approx([21 * 0.25 + 3 * 0.25, 28 * 0.25], abs=0.01)


def test_half_the_precision_takes_less_memory(config: TrainConfig, dataset: Dataset) -> None:
    full, half = (
        measure_size(build_untrained(override(config, {"model.precision": value}), dataset))
        for value in ("float32", "mixed_bfloat16")
    )
    assert half.parameters == full.parameters and half.memory_mib < full.memory_mib


def test_a_network_of_two_branches_has_a_size() -> None:
    config = override(load_config("dual_unet_aug"), {"data.classes": 3, "data.ignore": 0})
    size = measure_size(build_untrained(config, make_dataset(channels=3)))
    assert size.parameters * 4 / MIB < size.memory_mib < size.parameters * 4 / MIB + 10


def test_a_larger_network_has_a_larger_size(config: TrainConfig, dataset: Dataset) -> None:
    small, large = (
        measure_size(build_untrained(override(config, {"model.width": width}), dataset)) for width in (4, 16)
    )
    assert small.parameters < large.parameters and small.memory_mib < large.memory_mib


def test_a_speed_is_a_time_and_leaves_the_network_as_it_was(config: TrainConfig, dataset: Dataset) -> None:
    network = build_untrained(config, dataset)
    before = [np.asarray(weight) for weight in network.weights]
    speed = measure_speed(network, dataset, 0.5, jit_compile=False)
    assert 0 < speed.ms_per_image_batched < 10_000 and 0 < speed.ms_per_image < 10_000
    assert all(np.array_equal(one, np.asarray(weight)) for one, weight in zip(before, network.weights, strict=True))


def test_a_large_image_takes_the_time_of_its_windows(config: TrainConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.model.speed._time_window", lambda model, batch: 0.25 if batch == 1 else 0.125)
    ragged = make_ragged([(16, 16), (16, 40), (16, 40)], patch=(16, 16))
    config = override(TrainConfig(), TINY | {"data.classes": 2, "data.ignore": 255, "data.patch": [16, 16]})
    assert count_windows(ragged, (16, 16), 0.5) == 4
    assert measure_speed(build_untrained(config, ragged), ragged, 0.5, False) == Speed(1000.0, 500.0)
