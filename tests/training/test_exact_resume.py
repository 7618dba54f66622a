"""Under determinism a resumed training ends with exactly the state of an undisturbed one."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.data_sets import PLAIN, make_dataset
from trainer.config import TrainConfig
from trainer.configfile import override
from trainer.training.checkpoint import load_checkpoint
from trainer.training.fit import Interrupted, train
from trainer.training.history import Epoch

ROOT = Path(__file__).resolve().parents[2]
SHORT = PLAIN | {"budget.images": 16, "budget.epochs": 4}  # two batches in an epoch
# Each has state that the others do not have.
CONFIGS: dict[str, dict[str, Any]] = {
    "dropout, batch normalisation, plateaus": {
        "model.dropout": 0.3,
        "model.norm": "batch",
        "schedule.name": "plateau",
        "schedule.patience": 1,
        "optimizer.name": "adamw",
        "optimizer.learning_rate": 1.0,  # so high that with these seeds no epoch is better than the first
        "seed": {"tensorflow": 2, "jax": 27}[keras.backend.backend()],
        "optimizer.average": 0.0,
        "budget.keep": "best",
        "augment.mode": "dynamic",
    },
    "static copies, oversampling, mixing": {
        "augment.mode": "static",
        "augment.copies": 2,
        "augment.paste": 0.5,
        "augment.cutmix": 0.5,
        "data.oversample": 3,
        "schedule.name": "cosine",
        "schedule.warmup": 1.5,
    },
    "two networks, lion, group normalisation, bfloat16": {
        "model.fusion": "attention",
        "model.coarse_depth": 1,
        "model.coarse_scale": 2,
        "model.norm": "group",
        "model.dropout": 0.2,
        "model.dropout_kind": "values",
        "model.precision": "mixed_bfloat16",
        "optimizer.name": "lion",
    },
    "float16 with its loss scale": {"model.precision": "mixed_float16", "model.l2": 1e-4},
    "averaged weights, deep supervision, float16": {
        "optimizer.average": 0.8,
        "model.norm": "batch",
        "model.depth": 2,
        "model.deep_supervision": True,
        "model.precision": "mixed_float16",
        "budget.keep": "best",
        "budget.steps": 9,  # windows of 2, 2, 2 and 3
    },
}
# Resumes in a fresh process; every epoch is saved.
SCRIPT = """
import sys
from pathlib import Path
from tests.data_sets import make_dataset
from tests.training.test_exact_resume import CONFIGS, configured
from trainer.training import checkpoint, fit

checkpoint.INTERVAL_S = 0.0
epochs = []
fit.train(configured(sys.argv[1]), make_dataset(), lambda epoch: epochs.append(epoch.epoch) is None, Path(sys.argv[2]))
print(*epochs)
"""


@pytest.fixture(scope="module", autouse=True)
def determinism() -> None:
    """Bits agree on a CPU without it too, but TensorFlow promises that only with it. It stays on in this process."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()


@pytest.fixture(autouse=True)
def every_epoch_is_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.training.checkpoint.INTERVAL_S", 0.0)


def configured(name: str) -> TrainConfig:
    return override(TrainConfig(), SHORT | CONFIGS[name])


def assert_same_state(path: Path, other: Path) -> None:
    """Weights, moments, averages, step, random generators, kept weights, confusions; history but for its seconds."""
    one, two = load_checkpoint(path), load_checkpoint(other)
    for group in ("variables", "optimizer", "kept", "first"):
        for index, (a, b) in enumerate(zip(getattr(one, group), getattr(two, group), strict=True)):
            np.testing.assert_array_equal(a, b, f"{group} {index}")
    np.testing.assert_array_equal(one.confusions, two.confusions)
    assert len(one.history) == 4
    assert [entry | {"seconds": 0} for entry in one.history] == [entry | {"seconds": 0} for entry in two.history]


@pytest.mark.parametrize("name", list(CONFIGS)[1:])
def test_a_resumed_training_ends_bit_by_bit_the_same(name: str, tmp_path: Path) -> None:
    whole, copy = tmp_path / "whole.npz", tmp_path / "copy.npz"

    def copy_second(epoch: Epoch) -> bool:
        if epoch.epoch == 3:  # which is reported before it is saved
            shutil.copy(whole, copy)
        return True

    train(configured(name), make_dataset(), copy_second, whole)
    resumed: list[int] = []
    train(configured(name), make_dataset(), lambda epoch: resumed.append(epoch.epoch) is None, copy)
    assert resumed == [3, 4]
    assert_same_state(copy, whole)


def test_a_training_interrupted_within_an_epoch_is_resumed_by_a_fresh_process(tmp_path: Path) -> None:
    """As a worker takes over the trial of another. No epoch is reported twice."""
    name = next(iter(CONFIGS))
    whole, interrupted = tmp_path / "whole.npz", tmp_path / "interrupted.npz"
    train(configured(name), make_dataset(), None, whole)
    calls = iter(range(1000))
    with pytest.raises(Interrupted):  # between the two batches of the third epoch: each epoch asks three times
        train(configured(name), make_dataset(), None, interrupted, lambda: next(calls) == 7)
    assert len(load_checkpoint(interrupted).history) == 2
    assert resume_elsewhere(name, interrupted) == "3 4\n"
    assert_same_state(interrupted, whole)
    history = load_checkpoint(whole).history
    assert max(entry["miou"] for entry in history[1:]) < history[0]["miou"], "the best epoch is not in the checkpoint"
    assert [entry["learning_rate"] for entry in history] == [1, 1, 0.5, 0.25]


def test_the_loss_scale_is_saved(tmp_path: Path) -> None:
    """Keras starts at 2**15 and counts the finite steps: 2**15 alone would not tell a saved scale from a new one."""
    config = override(configured("float16 with its loss scale"), {"budget.epochs": 1})
    train(config, make_dataset(), checkpoint=tmp_path / "c.npz")
    scalars = [float(array) for array in load_checkpoint(tmp_path / "c.npz").optimizer if array.ndim == 0]
    assert 2.0**15 in scalars
    assert scalars.count(2) == 2  # steps of the optimizer, and of the scale


def resume_elsewhere(name: str, checkpoint: Path) -> str:
    """What the fresh process prints."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "TF_DETERMINISTIC_OPS": "1"}
    command = [sys.executable, "-c", SCRIPT, name, str(checkpoint)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    return done.stdout
