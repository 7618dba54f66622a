"""Training, its endings, and going on from a checkpoint."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.data_sets import make_dataset
from trainer.config import TrainConfig
from trainer.configfile import override
from trainer.data.dataset import Dataset
from trainer.errors import DivergedError, InputError
from trainer.training.checkpoint import load_checkpoint
from trainer.training.fit import Epoch, Interrupted, train, validate


def test_training_learns(config: TrainConfig, dataset: Dataset) -> None:
    fitted = train(override(config, {"budget.epochs": 8}), dataset)
    assert fitted.history[-1].loss < fitted.history[0].loss
    assert fitted.best.miou > 0.8


def test_every_epoch_is_told(config: TrainConfig, dataset: Dataset) -> None:
    told: list[Epoch] = []
    fitted = train(config, dataset, on_epoch=lambda epoch: told.append(epoch) is None)
    assert tuple(told) == fitted.history
    assert [epoch.epoch for epoch in told] == [1, 2, 3]
    assert fitted.stopped == "budget"
    assert all(epoch.iou[0] is None and epoch.seconds > 0 for epoch in told)


def test_the_model_has_the_weights_of_its_best_epoch(config: TrainConfig, dataset: Dataset) -> None:
    fitted = train(override(config, {"optimizer.learning_rate": 0.05}), dataset)
    assert fitted.best.miou == max(epoch.miou for epoch in fitted.history)
    np.testing.assert_array_equal(validate(fitted.model, dataset), fitted.confusion)


def test_the_caller_can_end_it(config: TrainConfig, dataset: Dataset) -> None:
    fitted = train(config, dataset, on_epoch=lambda epoch: epoch.epoch < 2)
    assert fitted.stopped == "caller"
    assert len(fitted.history) == 2


def test_patience_ends_it(config: TrainConfig, dataset: Dataset) -> None:
    still = override(config, {"optimizer.learning_rate": 1e-12, "budget.epochs": 9, "budget.patience": 2})
    fitted = train(override(still, {"model.norm": "none"}), dataset)
    assert fitted.stopped == "patience"
    assert len(fitted.history) == fitted.best.epoch + 2


def test_a_loss_that_is_not_finite_is_named(config: TrainConfig, dataset: Dataset) -> None:
    wild = override(config, {"optimizer.learning_rate": 1.0, "optimizer.clip_norm": 0, "model.norm": "none"})
    wild = override(wild, {"optimizer.name": "lion", "optimizer.weight_decay": 50, "budget.epochs": 50})
    with pytest.raises(DivergedError, match=r"the loss must stay finite; got (nan|inf) in epoch \d+, step \d+"):
        train(wild, dataset)


@pytest.mark.parametrize("optimizer", ["adamw", "adam", "lion"])
@pytest.mark.parametrize("schedule", ["cosine", "plateau", "constant"])
def test_optimizers_and_schedules(config: TrainConfig, dataset: Dataset, optimizer: str, schedule: str) -> None:
    chosen = override(config, {"optimizer.name": optimizer, "schedule.name": schedule, "budget.epochs": 1})
    assert math.isfinite(train(chosen, dataset).best.loss)


@pytest.mark.parametrize("changes", [{"loss.background": "learn"}, {"data.ignore": "none"}])
def test_background_can_be_learned(config: TrainConfig, changes: dict[str, object]) -> None:
    chosen = override(config, changes | {"budget.epochs": 6})
    fitted = train(chosen, make_dataset(ignore=chosen.data.ignore))
    masks = np.asarray(fitted.model(make_dataset().images)).argmax(-1)
    assert (masks == 0).any()


def test_colour_and_a_label_outside_the_classes(config: TrainConfig) -> None:
    dataset = make_dataset(channels=3)
    outside = replace(dataset, masks=np.where(dataset.masks == 0, 255, dataset.masks).astype(np.uint8), ignore=255)
    fitted = train(override(config, {"data.ignore": 255, "data.classes": 3, "budget.epochs": 1}), outside)
    scored = outside.masks[outside.validation] != 255
    assert fitted.confusion.sum() == scored.sum()
    assert fitted.best.iou[0] in (None, 0.0)  # no pixel is of class 0 any more


def test_images_that_do_not_suit_the_network_are_refused(config: TrainConfig, dataset: Dataset) -> None:
    with pytest.raises(InputError, match="multiples of 32"):
        train(override(config, {"model.depth": 5}), dataset)


def test_the_same_seed_gives_the_same_curve(config: TrainConfig, dataset: Dataset) -> None:
    curves = [[e.loss for e in train(config, dataset).history] for _ in range(2)]
    assert curves[0] == pytest.approx(curves[1], rel=1e-3)


def test_another_seed_gives_another_curve(config: TrainConfig, dataset: Dataset) -> None:
    losses = [train(override(config, {"seed": seed}), dataset).history[0].loss for seed in (1, 2)]
    assert losses[0] != pytest.approx(losses[1], rel=1e-6)


def test_an_interrupted_training_goes_on_where_it_was(config: TrainConfig, dataset: Dataset, tmp_path: Path) -> None:
    """Dropout, moments, schedule and best weights included; nothing is told twice."""
    config = override(config, {"budget.epochs": 4, "model.dropout": 0.3})
    whole = train(config, dataset)
    told: list[int] = []

    def tell(epoch: Epoch) -> bool:
        told.append(epoch.epoch)
        return True

    batches = iter(range(1000))
    with pytest.raises(Interrupted):  # in the middle of the third epoch
        train(config, dataset, tell, tmp_path / "c.npz", should_stop=lambda: next(batches) == 9)
    resumed = train(config, dataset, tell, tmp_path / "c.npz")
    assert told == [1, 2, 3, 4]
    for one, other in zip(whole.history, resumed.history, strict=True):
        assert one.loss == pytest.approx(other.loss, rel=1e-3)
        assert one.learning_rate == other.learning_rate
    for a, b in zip(whole.model.get_weights(), resumed.model.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=0.05, atol=1e-3)


def test_short_epochs_are_saved_once_a_minute(config: TrainConfig, dataset: Dataset, tmp_path: Path) -> None:
    train(config, dataset, checkpoint=tmp_path / "c.npz")
    assert not (tmp_path / "c.npz").exists()


def test_epochs_that_together_last_a_minute_are_saved(
    config: TrainConfig, dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer.training.checkpoint.EVERY_S", 0.0)
    saved: list[int] = []

    def look(epoch: Epoch) -> bool:
        path = tmp_path / "c.npz"
        saved.append(len(load_checkpoint(path).history) if path.exists() else 0)
        return True

    train(config, dataset, look, tmp_path / "c.npz")
    assert saved == [0, 1, 2]  # an epoch is told first: one that lost its trial must not be saved


def test_an_interrupted_training_saves_the_epochs_that_it_has(
    config: TrainConfig, dataset: Dataset, tmp_path: Path
) -> None:
    batches = iter(range(1000))
    with pytest.raises(Interrupted):  # before the last batch of the third epoch
        train(config, dataset, checkpoint=tmp_path / "c.npz", should_stop=lambda: next(batches) == 10)
    assert len(load_checkpoint(tmp_path / "c.npz").history) == 2


def test_ctrl_c_saves_the_epochs_that_it_has(config: TrainConfig, dataset: Dataset, tmp_path: Path) -> None:
    def press(epoch: Epoch) -> bool:
        if epoch.epoch == 2:
            raise KeyboardInterrupt
        return True

    with pytest.raises(KeyboardInterrupt):
        train(config, dataset, press, tmp_path / "c.npz")
    assert len(load_checkpoint(tmp_path / "c.npz").history) == 1


def test_an_epoch_that_is_trained_is_validated(config: TrainConfig, dataset: Dataset, tmp_path: Path) -> None:
    batches = iter(range(1000))
    with pytest.raises(Interrupted):  # told in the second validation, after 3 + 1 + 3 batches
        train(config, dataset, checkpoint=tmp_path / "c.npz", should_stop=lambda: next(batches) >= 7)
    assert len(load_checkpoint(tmp_path / "c.npz").history) == 2


def test_a_training_that_lost_its_trial_saves_nothing(config: TrainConfig, dataset: Dataset, tmp_path: Path) -> None:
    def is_lost() -> bool:
        raise RuntimeError("another worker has it")

    batches = iter(range(1000))
    with pytest.raises(RuntimeError, match="another worker has it"):
        train(config, dataset, None, tmp_path / "c.npz", lambda: next(batches) == 5 and is_lost())
    assert not (tmp_path / "c.npz").exists()


def test_a_finished_checkpoint_gives_its_result_at_once(
    config: TrainConfig, dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer.training.checkpoint.EVERY_S", 0.0)
    first = train(config, dataset, checkpoint=tmp_path / "c.npz")
    again = train(config, dataset, checkpoint=tmp_path / "c.npz", should_stop=lambda: True)
    assert again.history == first.history
    assert (again.confusion == first.confusion).all()


def test_a_checkpoint_of_another_network_is_refused(
    config: TrainConfig, dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer.training.checkpoint.EVERY_S", 0.0)
    train(override(config, {"budget.epochs": 1}), dataset, checkpoint=tmp_path / "c.npz")
    with pytest.raises(InputError, match="a checkpoint must fit the network"):
        train(override(config, {"model.depth": 2}), dataset, checkpoint=tmp_path / "c.npz")


def test_a_damaged_checkpoint_is_refused(config: TrainConfig, dataset: Dataset, tmp_path: Path) -> None:
    (tmp_path / "c.npz").write_bytes(b"PK\x03\x04 nonsense")
    with pytest.raises(InputError, match="a checkpoint must be readable"):
        train(config, dataset, checkpoint=tmp_path / "c.npz")
