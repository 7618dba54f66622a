"""Under determinism an interrupted training ends with exactly the weights of an undisturbed one."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import sys
from hashlib import sha256
from pathlib import Path
from tests.data_sets import TINY, make_dataset
from trainer.config import TrainConfig
from trainer.configfile import override
from trainer.training.fit import Interrupted, train

config = override(TrainConfig(), TINY | {"budget.epochs": 3, "model.dropout": 0.3, "schedule.name": "plateau"})
checkpoint, batches = (Path(sys.argv[1]) if sys.argv[1] else None), int(sys.argv[2])
count = iter(range(10**6))
try:
    fitted = train(config, make_dataset(), checkpoint=checkpoint, should_stop=lambda: next(count) == batches)
    print(sha256(b"".join(weight.tobytes() for weight in fitted.model.get_weights())).hexdigest())
    print([(epoch.loss, epoch.miou) for epoch in fitted.history])
except Interrupted:
    print("interrupted")
"""


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="the switch is TensorFlow's")
def test_a_resumed_training_ends_bit_by_bit_the_same(tmp_path: Path) -> None:
    whole = train_elsewhere("", -1)
    assert train_elsewhere(str(tmp_path / "c.npz"), 4) == "interrupted\n"  # in the second epoch
    assert train_elsewhere(str(tmp_path / "c.npz"), -1) == whole


def train_elsewhere(checkpoint: str, batches: int) -> str:
    """What a fresh process prints."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "TF_DETERMINISTIC_OPS": "1"}
    command = [sys.executable, "-c", SCRIPT, checkpoint, str(batches)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    return done.stdout
