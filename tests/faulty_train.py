"""Trainers with faults that may pass: what of a trial must be lost by them is an epoch, or nothing."""

import ctypes
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from search import notebook, objective, retry, watchdog
from search.tools import Tools
from tests.fake_train import FakeEpoch, FakeFitted, fails, load_history, make_tools, save_history, train
from trainer.config import TrainConfig
from trainer.dataset import Dataset

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


def fails_to_save(*_: Any) -> None:
    raise OSError("no space left")


def writes_nothing(*_: Any) -> str:
    raise RuntimeError("no words")


def impatient_tools() -> Tools:
    """Retries follow at once."""
    retry.PAUSES_S = AT_ONCE_S
    return make_tools(train)


def pausing_tools() -> Tools:
    """The first retry follows after a minute."""
    retry.PAUSES_S = (60.0, 60.0)
    return make_tools(fails)


def stumbling_tools() -> Tools:
    retry.PAUSES_S = AT_ONCE_S
    return make_tools(stumbles)


def forgetful_tools() -> Tools:
    return make_tools(forgets)


def hanging_tools() -> Tools:
    watchdog.QUIET_S, objective.DEADLY_STARTS = 2.0, 1
    return make_tools(hangs)


def briefly_hanging_tools() -> Tools:
    watchdog.QUIET_S = 2.0
    return make_tools(hangs_once)


def unsaving_tools() -> Tools:
    return replace(make_tools(train), save_model=fails_to_save)


def silent_tools() -> Tools:
    """No note can be written."""
    notebook.trial_note = writes_nothing
    return make_tools(train)
