"""Helper processes prepare the batches that threads would, whatever is killed."""

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from tests.data_sets import TINY, make_dataset
from trainer.config import DataConfig, TrainConfig
from trainer.configfile import override
from trainer.data.dataset import Dataset
from trainer.data.prepare import prepare_data
from trainer.data.sample import write_sample
from trainer.pipeline.batches import Batches
from trainer.pipeline.helpers import Helpers, count_helpers


@pytest.fixture(scope="module")
def helpers() -> Iterator[Helpers]:
    with closing(Helpers(2)) as helpers:
        yield helpers


@pytest.fixture(scope="module")
def mapped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dataset]:
    folder = tmp_path_factory.mktemp("data")
    write_sample(folder / "sample.npz", images=24, seed=0)
    yield prepare_data(DataConfig(path=str(folder / "sample.npz")), folder / "cache").dataset


def make_batches(dataset: Dataset | None = None, **changes: Any) -> Batches:
    named = {name.replace("__", "."): value for name, value in changes.items()}
    return Batches(override(TrainConfig(), TINY | named), dataset or make_dataset())


def assert_same(found: Iterator[Any], batches: Batches, epoch: int) -> None:
    expected = [batches.batch(step) for step in range(batches.start(epoch), batches.start(epoch + 1))]
    for one, other in zip(found, expected, strict=True):
        for array, wanted in zip(one, other, strict=True):
            assert array.dtype == wanted.dtype
            np.testing.assert_array_equal(array, wanted)


def processes() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if "trainer.pipeline.helper" in child.cmdline()]


def test_they_are_those_of_threads_one_training_after_the_other(helpers: Helpers, mapped: Dataset) -> None:
    for batches in (make_batches(budget__steps=23), make_batches(mapped, seed=5, optimizer__batch_size=3)):
        for epoch in (1, 0):
            assert_same(helpers.epoch(batches, epoch), batches, epoch)
    assert len(processes()) == 2


def test_an_epoch_that_was_broken_off_leaves_nothing(helpers: Helpers) -> None:
    batches = make_batches(budget__steps=40, budget__epochs=2)
    next(helpers.epoch(batches, 0))
    assert_same(helpers.epoch(batches, 1), batches, 1)


def test_a_killed_helper_is_replaced_and_no_batch_is_lost(helpers: Helpers) -> None:
    batches = make_batches(budget__steps=40, budget__epochs=2)
    found = helpers.epoch(batches, 0)
    first = [next(found)]
    processes()[0].kill()
    assert_same(iter([*first, *found]), batches, 0)
    assert len(processes()) == 2


def test_an_error_is_raised_here_and_the_next_training_goes_on(helpers: Helpers) -> None:
    broken = make_batches(budget__steps=9)
    broken.dataset.masks[:] = broken.dataset.masks[:, :1, :1]  # type: ignore[index]
    object.__setattr__(broken.dataset, "shape", (7, 7, 9))
    with pytest.raises(RuntimeError, match="Error"):
        list(helpers.epoch(broken, 0))
    batches = make_batches()
    assert_same(helpers.epoch(batches, 0), batches, 0)


def test_one_that_always_dies_ends_the_training_and_not_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    batches = make_batches()
    with closing(Helpers(1)) as helpers:
        with monkeypatch.context() as patch:
            patch.setattr("sys.executable", "/bin/false")
            with pytest.raises(RuntimeError, match=r"must live; got exit status 1"):
                list(helpers.epoch(batches, 0))
        assert_same(helpers.epoch(batches, 0), batches, 0)


def test_the_current_folder_is_not_searched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit(9)")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    batches = make_batches()
    with closing(Helpers(1)) as helpers:
        assert_same(helpers.epoch(batches, 0), batches, 0)


def test_a_data_set_is_sent_without_its_pixels(mapped: Dataset) -> None:
    sent = pickle.dumps(mapped)
    assert len(sent) < sum(image.nbytes for image in mapped.images) / 4
    received = pickle.loads(sent)
    np.testing.assert_array_equal(received.images, mapped.images)
    np.testing.assert_array_equal(received.masks, mapped.masks)
    np.testing.assert_array_equal(received.counts, mapped.counts)


SCRIPT = """
import sys, time
from tests.unit.pipeline.test_helpers import *
helpers = Helpers(2)
next(helpers.epoch(make_batches(budget__steps=40, budget__epochs=1), 0))
print(*(process.pid for process in processes()), flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_they_end_with_their_process_however_it_ends(how: int) -> None:
    root = Path(__file__).resolve().parents[3]
    command, environ = [sys.executable, "-c", SCRIPT], {**os.environ, "PYTHONPATH": str(root)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root, env=environ) as parent:
        assert parent.stdout is not None
        children = [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]
        parent.send_signal(how)
    assert len(children) == 2
    assert psutil.wait_procs(children, timeout=60)[1] == []


def test_a_cpu_has_none_and_a_gpu_one_for_each_core_but_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: range(8))
    monkeypatch.setattr("trainer.data.threads.cpu_limit", lambda: 64.0)
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    assert (count_helpers(gpu=False), count_helpers(gpu=True)) == (0, 3)
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert count_helpers(gpu=True) == 7
