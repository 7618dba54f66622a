"""Checkpoints of a training: when they are saved, and which are refused."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.data_sets import PLAIN
from tests.training.recorded import Recorded, record
from trainer.config import TrainConfig
from trainer.configfile import override
from trainer.data.dataset import Dataset
from trainer.training.checkpoint import CheckpointError, load_checkpoint
from trainer.training.fit import Interrupted, train
from trainer.training.history import Epoch


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """Three epochs, each longer than the interval between two checkpoints."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trainer.training.checkpoint.INTERVAL_S", 0.0)
        return record(override(TrainConfig(), PLAIN), tmp_path_factory.mktemp("saved") / "c.npz")


def stop_at(call: int) -> Callable[[], bool]:
    """`should_stop` that returns True from this call on, counted from 0."""
    calls = iter(range(1000))
    return lambda: next(calls) >= call


def test_an_epoch_is_reported_before_it_is_saved(saved: Recorded) -> None:
    """A worker that has lost its trial notices it when it reports, and must not save the epoch."""
    assert saved.saved == (0, 1, 2)
    assert len(load_checkpoint(saved.checkpoint).history) == 3


def test_a_finished_checkpoint_has_its_result(saved: Recorded, dataset: Dataset) -> None:
    again = train(saved.fitted.config, dataset, checkpoint=saved.checkpoint, should_stop=lambda: True)
    assert again.history == saved.fitted.history
    assert again.final == saved.fitted.final
    np.testing.assert_array_equal(again.confusion, saved.fitted.confusion)
    for one, other in zip(again.model.get_weights(), saved.fitted.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_checkpoint_of_another_network_is_refused(saved: Recorded, dataset: Dataset) -> None:
    with pytest.raises(CheckpointError, match="a checkpoint must fit the network"):
        train(override(saved.fitted.config, {"model.width": 6}), dataset, checkpoint=saved.checkpoint)


def test_a_damaged_checkpoint_is_refused(plain: TrainConfig, dataset: Dataset, tmp_path: Path) -> None:
    (tmp_path / "c.npz").write_bytes(b"PK\x03\x04 nonsense")
    with pytest.raises(CheckpointError, match="a checkpoint must be readable"):
        train(plain, dataset, checkpoint=tmp_path / "c.npz")


def test_an_interrupted_training_saves_its_finished_epochs(
    plain: TrainConfig, dataset: Dataset, tmp_path: Path
) -> None:
    """An epoch asks four times: before three batches, and before that of validation."""
    with pytest.raises(Interrupted):  # before the last batch of the third epoch
        train(plain, dataset, checkpoint=tmp_path / "c.npz", should_stop=stop_at(10))
    assert len(load_checkpoint(tmp_path / "c.npz").history) == 2


def test_a_trained_epoch_is_validated(plain: TrainConfig, dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(Interrupted):  # asked to stop before the second validation
        train(plain, dataset, checkpoint=tmp_path / "c.npz", should_stop=stop_at(7))
    assert len(load_checkpoint(tmp_path / "c.npz").history) == 2


def test_ctrl_c_saves_the_finished_epochs(plain: TrainConfig, dataset: Dataset, tmp_path: Path) -> None:
    def press(epoch: Epoch) -> bool:
        if epoch.epoch == 2:
            raise KeyboardInterrupt
        return True

    with pytest.raises(KeyboardInterrupt):
        train(plain, dataset, press, tmp_path / "c.npz")
    assert len(load_checkpoint(tmp_path / "c.npz").history) == 1


def test_a_training_that_lost_its_trial_saves_nothing(plain: TrainConfig, dataset: Dataset, tmp_path: Path) -> None:
    is_stopped = stop_at(5)

    def should_stop() -> bool:
        if is_stopped():
            raise RuntimeError("another worker has it")
        return False

    with pytest.raises(RuntimeError, match="another worker has it"):
        train(plain, dataset, None, tmp_path / "c.npz", should_stop)
    assert not (tmp_path / "c.npz").exists()
