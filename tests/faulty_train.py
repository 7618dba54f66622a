"""Fake trainers with faults after which a trial must have lost one epoch at most."""

import ctypes
import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from time import sleep
from typing import Any

from sqlalchemy import create_engine, text

from search.worker import assignment, heartbeat, notes, trial
from search.worker.trainer import Trainer
from storage.artifacts.keys import checkpoint_key
from storage.artifacts.store import find_artifacts
from storage.settings import Settings
from tests.fake_train import (
    LOOK_S,
    FakeEpoch,
    FakeFitted,
    Interrupted,
    fail,
    load_history,
    make_trainer,
    save_history,
    train,
)
from tests.full_study import upload_file
from trainer.config import TrainConfig
from trainer.data.dataset import Dataset

SHORT_PAUSES_S = (0.01, 0.02)
HANG_S = 600
HUNG_AFTER_S = 4.0  # a worker that works is silent for less, on a slow and busy machine too


def fail_once_an_epoch(
    config: TrainConfig, dataset: Dataset, on_epoch: Any, checkpoint: Path, should_stop: Any
) -> FakeFitted:
    """Fails at the end of every epoch, before it is reported and saved, for the first time that it gets there."""

    def fail_or_report(epoch: FakeEpoch) -> bool:
        failed = checkpoint.with_suffix(".failed")
        if not failed.exists() or int(failed.read_text()) < epoch.epoch:
            save_history(checkpoint, load_history(checkpoint)[:-1])
            failed.write_text(str(epoch.epoch))
            raise OSError("the file server is\naway")
        return bool(on_epoch(epoch))

    return train(config, dataset, fail_or_report, checkpoint, should_stop)


def train_without_checkpoint(
    config: TrainConfig, dataset: Dataset, on_epoch: Any, checkpoint: Any, should_stop: Any
) -> FakeFitted:
    """Begins again in every process, each time with another curve."""

    def report_with_noise(epoch: FakeEpoch) -> bool:
        return bool(on_epoch(replace(epoch, miou=epoch.miou + os.getpid() / 1e9)))

    return train(config, dataset, report_with_noise, None, should_stop)


def hang(config: TrainConfig, dataset: Dataset, on_epoch: Any, checkpoint: Path, should_stop: Any) -> FakeFitted:
    """Trial 0 hangs in its third epoch, every time, inside a C call that holds the interpreter's lock."""

    def report_or_hang(epoch: FakeEpoch) -> bool:
        if epoch.epoch == 3 and checkpoint.name == "0":
            ctypes.PyDLL(None).sleep(HANG_S)
        return bool(on_epoch(epoch))

    return train(config, dataset, report_or_hang, None, should_stop)


def hang_once(config: TrainConfig, dataset: Dataset, on_epoch: Any, checkpoint: Path, should_stop: Any) -> FakeFitted:
    if not (hung := checkpoint.with_suffix(".hung")).exists():
        hung.touch()
        return hang(config, dataset, on_epoch, checkpoint, should_stop)
    return train(config, dataset, on_epoch, checkpoint, should_stop)


def log_epochs(config: TrainConfig, dataset: Dataset, on_epoch: Any, checkpoint: Path, should_stop: Any) -> FakeFitted:
    """Adds a line for every epoch that is trained to the file FAKE_EPOCH_LOG: trial, epoch, process."""

    def log_and_report(epoch: FakeEpoch) -> bool:
        with Path(os.environ["FAKE_EPOCH_LOG"]).open("a") as file:
            file.write(f"{checkpoint.stem} {epoch.epoch} {os.getpid()}\n")
        return bool(on_epoch(epoch))

    return train(config, dataset, log_and_report, checkpoint, should_stop)


def save_when_interrupted(
    config: TrainConfig, dataset: Dataset, on_epoch: Any, checkpoint: Path, should_stop: Any
) -> FakeFitted:
    """Logs epochs; writes a checkpoint only when it is interrupted, as the trainer does in its first minute."""
    unsaved = checkpoint.with_suffix(".unsaved")
    save_history(unsaved, load_history(checkpoint))
    try:
        return log_epochs(config, dataset, on_epoch, unsaved, should_stop)
    except Interrupted:
        unsaved.replace(checkpoint)
        raise


def lose_lease(config: TrainConfig, dataset: Dataset, on_epoch: Any, checkpoint: Path, should_stop: Any) -> FakeFitted:
    """At the end of the second epoch another worker takes the trial over, and stores a checkpoint of its own."""

    def report_and_lose(epoch: FakeEpoch) -> bool:
        continues = bool(on_epoch(epoch))
        if epoch.epoch == 2:
            with create_engine(os.environ["DATABASE_URL"]).begin() as connection:
                connection.execute(text("update unet_search_slots set owner = gen_random_uuid()"))
            upload_file(find_artifacts(Settings()), checkpoint_key("fake", 0), b"another's")
        return continues

    return train(config, dataset, report_and_lose, checkpoint, should_stop)


def fail_to_save(*_: Any) -> None:
    raise OSError("no space left")


def fail_to_write_note(*_: Any) -> str:
    raise RuntimeError("no words")


def make_soon_retrying_trainer() -> Trainer:
    assignment.RETRY_PAUSES_S = SHORT_PAUSES_S
    return make_trainer()


def make_late_retrying_trainer() -> Trainer:
    """Every trial fails; its first retry follows after five minutes."""
    assignment.RETRY_PAUSES_S = (300.0, 300.0)
    return make_trainer(fail)


def make_stumbling_trainer() -> Trainer:
    assignment.RETRY_PAUSES_S = SHORT_PAUSES_S
    return make_trainer(fail_once_an_epoch)


def make_trainer_without_checkpoint() -> Trainer:
    return make_trainer(train_without_checkpoint)


def make_hanging_trainer() -> Trainer:
    """A trial fails after its first hang."""
    heartbeat.QUIET_S, trial.DEADLY_STARTS = HUNG_AFTER_S, 1
    return make_trainer(hang)


def make_trainer_that_hangs_once() -> Trainer:
    heartbeat.QUIET_S = HUNG_AFTER_S
    return make_trainer(hang_once)


def make_logging_trainer() -> Trainer:
    return make_trainer(log_epochs)


def make_late_saving_trainer() -> Trainer:
    return make_trainer(save_when_interrupted)


def make_robbed_trainer() -> Trainer:
    return make_trainer(lose_lease)


def make_trainer_without_results() -> Trainer:
    """Neither weights nor a note of a trial can be written."""
    notes.trial_note = fail_to_write_note
    return replace(make_trainer(), save_model=fail_to_save)


def make_trainer_failing_in_slot_0() -> Trainer:
    """Each failure follows an epoch of another slot's worker, all of whose trials are well. See `log_epochs`."""
    assignment.RETRY_PAUSES_S = SHORT_PAUSES_S
    name: str = json.loads(sys.argv[1])["worker"]
    log, failed = Path(os.environ["FAKE_EPOCH_LOG"]), set[str]()

    def wait_and_fail(config: TrainConfig, dataset: Dataset, on_epoch: Any, checkpoint: Path, stop: Any) -> FakeFitted:
        failed.add(checkpoint.stem)
        while not stop() and (not log.exists() or len(log.read_text().splitlines()) < 3 * len(failed)):
            sleep(LOOK_S)
        return fail()

    return make_trainer(wait_and_fail if name.endswith(":0") else log_epochs)
