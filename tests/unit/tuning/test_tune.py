"""The order of a measurement, with processes whose speed is written down here."""

from collections.abc import Sequence
from typing import Any

import pytest

from search.supervisor import devices
from search.supervisor.devices import visible_gpus
from search.tuning import bench, contenders
from search.tuning.job import Job, Ready
from search.tuning.process import Sample, TooSlow
from search.tuning.tune import Tuning, tune
from trainer.config import TrainConfig
from trainer.errors import InputError

GPU = "0, GPU-aaaa, NVIDIA H200\n"
GIB = 2**30


class Machine:
    """What each process does, by the configuration and the number of workers; 100 images a second unless told."""

    def __init__(self) -> None:
        self.rates: dict[tuple[str, object], float] = {}  # of a process, by a path and its value
        self.errors: dict[tuple[str, object], Exception] = {}
        self.by_workers: dict[int, float] = {}  # of each of so many
        self.sliced: set[float] = set()  # rates of the processes that had a slice
        self.alive = 0
        self.used = 0  # bytes of a GPU

    def make_group(self, job: Job, slots: Sequence[Any]) -> Any:
        machine, count = self, len(slots)
        values = {
            ("batch", job.config.optimizer.batch_size),
            ("precision", job.config.model.precision),
            ("jit", job.config.optimizer.jit_compile),
        }
        rate = next((rate for key, rate in self.rates.items() if key in values), self.by_workers.get(count, 100.0))
        error = next((error for key, error in self.errors.items() if key in values), None)

        class FakeGroup:
            open = False

            def __enter__(self) -> "FakeGroup":
                machine.alive += count
                machine.used += count * GIB
                self.open = True
                return self

            def __exit__(self, *_: object) -> None:
                self.close()

            def wait_ready(self, deadline: float) -> Ready:
                if error is not None:
                    raise error
                batch = job.config.optimizer.batch_size
                return Ready(batch, 3000, 40.0 if job.config.optimizer.jit_compile else 10.0, batch / rate)

            def measure(self, seconds: float, most: int | None = None) -> Sample:
                assert self.open
                machine.sliced.add(rate)
                return Sample(rate * (most or count), GIB)

            def close(self) -> None:
                if self.open:
                    machine.alive -= count
                    machine.used -= count * GIB
                self.open = False

        return FakeGroup()


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Two cores, no GPU."""
    made = Machine()
    monkeypatch.setattr(bench, "Group", made.make_group)
    use(monkeypatch, made, cores=2, listing="")
    return made


def use(monkeypatch: pytest.MonkeyPatch, machine: Machine, cores: int, listing: str, gib: int = 64) -> None:
    for module in (devices, contenders, bench):
        monkeypatch.setattr(module, "count_cores", lambda: cores, raising=False)
        monkeypatch.setattr(module, "list_gpus", lambda: visible_gpus(listing, None), raising=False)
        monkeypatch.setattr(module, "memory_bytes", lambda: gib * GIB, raising=False)
    monkeypatch.setattr(bench, "read_gpu_memory", lambda token: devices.GpuMemory(machine.used, gib * GIB))
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")


def verdicts(found: Tuning) -> dict[str, str]:
    return {one.name: one.verdict for one in found.measured}


def test_all_is_measured_and_the_fastest_recommended(machine: Machine) -> None:
    machine.by_workers = {1: 120.0, 2: 100.0}
    machine.rates = {
        ("batch", 64): 130.0,
        ("batch", 16): 90.0,
        ("precision", "mixed_bfloat16"): 1.0,
        ("jit", True): 125,
    }
    lines: list[str] = []
    found = tune(TrainConfig(), seconds=60, on_line=lines.append)
    assert verdicts(found) == {
        "2 workers x 1 thread": "as it is",
        "1 worker x 2 threads": "slower",  # 120 images a second are less than 200
        "one worker, as it is": "as it is",
        "batch size 16": "slower",
        "batch size 64": "faster",
        "mixed_bfloat16": "slower",
        "compiled by XLA": "faster",
    }
    assert 1.0 not in machine.sliced  # far slower, as its first steps have shown
    compiled = found.measured[-1]
    assert compiled.pays_after_steps == round(30 / (32 / 100 - 32 / 125)) and found.steps == 3000
    assert found.recommended.settings == {"optimizer.batch_size": 64, "optimizer.jit_compile": True}
    assert found.recommended.options == () and machine.alive == 0
    assert "2 workers x 1 thread: 200.0 images/s" in lines


def test_another_number_of_workers_is_recommended_where_it_is_faster(machine: Machine) -> None:
    machine.by_workers = {1: 150.0, 2: 60.0}
    assert tune(TrainConfig()).recommended.options == ("--workers", "1")


def test_what_does_not_train_or_is_too_slow_is_left_out_with_its_reason(machine: Machine) -> None:
    machine.errors = {("batch", 64): InputError("no memory"), ("jit", True): TooSlow()}
    lines: list[str] = []
    found = tune(TrainConfig(), on_line=lines.append)
    reasons = {one.name: one.reason for one in found.measured if one.verdict == "not measured"}
    assert reasons.keys() == {"batch size 64", "compiled by XLA"} and reasons["batch size 64"] == "no memory"
    assert "not measured: batch size 64: no memory" in lines
    assert verdicts(found)["batch size 16"] == "no difference"


@pytest.mark.parametrize(
    ("error", "words"), [(InputError("no such data"), "no such data"), (TooSlow(), "must train to be measured")]
)
def test_a_configuration_that_does_not_train_is_an_error(machine: Machine, error: Exception, words: str) -> None:
    machine.errors = {("batch", 32): error}
    with pytest.raises(InputError, match=words):
        tune(TrainConfig())
    assert machine.alive == 0


def test_without_time_the_settings_are_left_out(machine: Machine) -> None:
    found = tune(TrainConfig(), seconds=0.0)
    assert list(verdicts(found).values()) == ["as it is", "slower", *["not measured"] * 4]


def test_a_layout_for_which_memory_does_not_suffice(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, machine, cores=2, listing="", gib=6)
    reasons = {one.name: one.reason for one in tune(TrainConfig()).measured}
    assert reasons["1 worker x 2 threads"] == "with the others it would take 9 GiB of memory"


def test_a_gpus_memory_limits_its_workers(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, machine, cores=16, listing=GPU, gib=8)
    machine.by_workers = {1: 100.0, 2: 90.0, 4: 30.0}
    found = tune(TrainConfig())
    assert found.gpu and verdicts(found)["4 workers a GPU x 4 threads"] == "faster"
    reasons = {one.name: one.reason for one in found.measured}
    assert reasons["4 workers a GPU x 4 threads"] is None
    assert reasons["8 workers a GPU x 2 threads"] == "the GPU has no memory left beside the others"
    assert found.recommended.options == ("--workers-per-gpu", "2")
    assert {one.memory_bytes for one in found.measured if one.kind == "layout" and one.ratio} == {GIB}
    plain = found.to_json()
    assert plain["recommended"]["options"] == ["--workers-per-gpu", "2"]
    assert plain["measured"][0]["images_per_second"] == 100.0
