"""Trainers with faults that may pass: what of a trial must be lost by them is an epoch, or nothing."""

import ctypes
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

from search.worker import assignment, heartbeat, notes, trial
from search.worker.trainer import Trainer
from storage.artifacts.store import checkpoint_key, find_artifacts
from storage.settings import Settings
from tests.fake_train import FakeEpoch, FakeFitted, Interrupted, fails, load_history, make_trainer, save_history, train
from tests.full_study import keep_file
from trainer.config import TrainConfig
from trainer.data.dataset import Dataset

AT_ONCE_S = (0.01, 0.02)


def stumbles(config: TrainConfig, dataset: Dataset, on_epoch: Any, checkpoint: Path, should_stop: Any) -> FakeFitted:
    """Fails at the end of every epoch, once."""

    def on_new_epoch(epoch: FakeEpoch) -> bool:
        seen = checkpoint.with_suffix(".seen")
        if not seen.exists() or int(seen.read_text()) < epoch.epoch:
            save_history(checkpoint, load_history(checkpoint)[:-1])
            seen.write_text(str(epoch.epoch))
            raise OSError("the file server is\naway")
        return bool(on_epoch(epoch))

    return train(config, dataset, on_new_epoch, checkpoint, should_stop)


def forgets(config: TrainConfig, dataset: Dataset, on_epoch: Any, checkpoint: Any, should_stop: Any) -> FakeFitted:
    """Has no checkpoint, and every process another curve."""

    def on_noisy_epoch(epoch: FakeEpoch) -> bool:
        return bool(on_epoch(replace(epoch, miou=epoch.miou + os.getpid() / 1e9)))

    return train(config, dataset, on_noisy_epoch, None, should_stop)


def hangs(config: TrainConfig, dataset: Dataset, on_epoch: Any, checkpoint: Path, should_stop: Any) -> FakeFitted:
    """Trial 0 stands still in its third epoch, every time, inside a C call that holds the interpreter's lock."""

    def on_most_epochs(epoch: FakeEpoch) -> bool:
        if epoch.epoch == 3 and checkpoint.name == "0":
            ctypes.PyDLL(None).sleep(600)
        return bool(on_epoch(epoch))

    return train(config, dataset, on_most_epochs, None, should_stop)


def hangs_once(config: TrainConfig, dataset: Dataset, on_epoch: Any, checkpoint: Path, should_stop: Any) -> FakeFitted:
    if not (seen := checkpoint.with_suffix(".seen")).exists():
        seen.touch()
        return hangs(config, dataset, on_epoch, checkpoint, should_stop)
    return train(config, dataset, on_epoch, checkpoint, should_stop)


def tells(config: TrainConfig, dataset: Dataset, on_epoch: Any, checkpoint: Path, should_stop: Any) -> FakeFitted:
    """Adds a line to the file FAKE_TOLD for every epoch that is trained: its trial, its number, the process."""

    def on_told_epoch(epoch: FakeEpoch) -> bool:
        with Path(os.environ["FAKE_TOLD"]).open("a") as file:
            file.write(f"{checkpoint.stem} {epoch.epoch} {os.getpid()}\n")
        return bool(on_epoch(epoch))

    return train(config, dataset, on_told_epoch, checkpoint, should_stop)


def saves_late(config: TrainConfig, dataset: Dataset, on_epoch: Any, checkpoint: Path, should_stop: Any) -> FakeFitted:
    """Tells, and writes a checkpoint only when it is interrupted, as the trainer does in its first minute."""
    unsaved = checkpoint.with_suffix(".unsaved")
    if checkpoint.exists():
        shutil.copy(checkpoint, unsaved)
    try:
        return tells(config, dataset, on_epoch, unsaved, should_stop)
    except Interrupted:
        unsaved.replace(checkpoint)
        raise


def is_robbed(config: TrainConfig, dataset: Dataset, on_epoch: Any, checkpoint: Path, should_stop: Any) -> FakeFitted:
    """Another worker takes the trial over, and keeps a checkpoint of its own, at the end of the second epoch."""

    def on_most_epochs(epoch: FakeEpoch) -> bool:
        goes_on = bool(on_epoch(epoch))
        if epoch.epoch == 2:
            with create_engine(os.environ["DATABASE_URL"]).begin() as connection:
                connection.execute(text("update unet_search_slots set owner = gen_random_uuid()"))
            keep_file(find_artifacts(Settings()), checkpoint_key("fake", 0), b"another's")
        return goes_on

    return train(config, dataset, on_most_epochs, checkpoint, should_stop)


def fails_to_save(*_: Any) -> None:
    raise OSError("no space left")


def writes_nothing(*_: Any) -> str:
    raise RuntimeError("no words")


def impatient_trainer() -> Trainer:
    """Retries follow at once."""
    assignment.RETRY_PAUSES_S = AT_ONCE_S
    return make_trainer(train)


def pausing_trainer() -> Trainer:
    """The first retry follows after a minute."""
    assignment.RETRY_PAUSES_S = (60.0, 60.0)
    return make_trainer(fails)


def stumbling_trainer() -> Trainer:
    assignment.RETRY_PAUSES_S = AT_ONCE_S
    return make_trainer(stumbles)


def forgetful_trainer() -> Trainer:
    return make_trainer(forgets)


def hanging_trainer() -> Trainer:
    heartbeat.QUIET_S, trial.DEADLY_STARTS = 2.0, 1
    return make_trainer(hangs)


def briefly_hanging_trainer() -> Trainer:
    heartbeat.QUIET_S = 2.0
    return make_trainer(hangs_once)


def telling_trainer() -> Trainer:
    return make_trainer(tells)


def late_trainer() -> Trainer:
    return make_trainer(saves_late)


def robbed_trainer() -> Trainer:
    return make_trainer(is_robbed)


def unsaving_trainer() -> Trainer:
    return replace(make_trainer(train), save_model=fails_to_save)


def silent_trainer() -> Trainer:
    """No note can be written."""
    notes.trial_note = writes_nothing
    return make_trainer(train)
