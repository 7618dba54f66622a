"""What a measurement compares on a machine."""

import pytest

from search.supervisor import devices
from search.supervisor.devices import visible_gpus
from search.tuning import contenders
from search.tuning.contenders import list_layouts, list_settings, worker_counts
from trainer.config import TrainConfig
from trainer.configfile import override

LISTING = "0, GPU-aaaa, NVIDIA H200\n1, GPU-bbbb, NVIDIA H200\n"


def use_machine(monkeypatch: pytest.MonkeyPatch, cores: int, listing: str = "") -> None:
    for module in (devices, contenders):
        monkeypatch.setattr(module, "count_cores", lambda: cores)
        monkeypatch.setattr(module, "list_gpus", lambda: visible_gpus(listing, None))
    monkeypatch.setattr(devices, "memory_bytes", lambda: 1 << 40)
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")


@pytest.mark.parametrize(
    ("cores", "counts"), [(1, [1]), (2, [1, 2]), (4, [1, 2, 4]), (6, [1, 2, 6]), (16, [1, 4, 16]), (64, [1, 8, 64])]
)
def test_numbers_of_workers(cores: int, counts: list[int]) -> None:
    assert worker_counts(cores) == counts


def test_layouts_of_a_cpu_begin_with_the_usual_one(monkeypatch: pytest.MonkeyPatch) -> None:
    use_machine(monkeypatch, 16)
    names = ["8 workers x 2 threads", "1 worker x 16 threads", "4 workers x 4 threads", "16 workers x 1 thread"]
    assert [layout.name for layout in list_layouts("auto")] == names


def test_layouts_of_gpus_are_those_of_the_first_one(monkeypatch: pytest.MonkeyPatch) -> None:
    use_machine(monkeypatch, 16, LISTING)
    layouts = list_layouts("auto")
    assert [len(layout.slots) for layout in layouts] == [1, 2, 4, 8]
    assert layouts[1].name == "2 workers a GPU x 4 threads"  # 16 cores for four workers on two GPUs
    assert {slot.env["CUDA_VISIBLE_DEVICES"] for layout in layouts for slot in layout.slots} == {"GPU-aaaa"}
    assert not any(slot.gpu for layout in list_layouts("cpu") for slot in layout.slots)


def test_settings_of_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    use_machine(monkeypatch, 2)
    found = list_settings(TrainConfig(), list_layouts("auto")[0])
    assert [dict(one.changes) for one in found] == [
        {"optimizer.batch_size": 16},
        {"optimizer.batch_size": 64},
        {"model.precision": "mixed_bfloat16"},
        {"optimizer.jit_compile": True},
    ]
    assert {len(one.slots) for one in found} == {1}


def test_a_gpu_computes_in_float16(monkeypatch: pytest.MonkeyPatch) -> None:
    use_machine(monkeypatch, 2, LISTING)
    config = override(TrainConfig(), {"model.precision": "mixed_bfloat16"})
    changes = [dict(one.changes) for one in list_settings(config, list_layouts("auto")[0]) if one.kind == "precision"]
    assert changes == [{"model.precision": "float32"}, {"model.precision": "mixed_float16"}]


def test_batches_stay_within_what_a_configuration_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    use_machine(monkeypatch, 2)
    for size, others in ((1, [2]), (4096, [2048])):
        config = override(TrainConfig(), {"optimizer.batch_size": size, "optimizer.jit_compile": True})
        found = list_settings(config, list_layouts("cpu")[0])
        assert [one.changes["optimizer.batch_size"] for one in found if one.kind == "batch"] == others
        assert found[-1].changes == {"optimizer.jit_compile": False}


def test_jax_always_compiles(monkeypatch: pytest.MonkeyPatch) -> None:
    use_machine(monkeypatch, 2)
    monkeypatch.setattr(contenders, "choose_backend", lambda: "jax")
    assert "compilation" not in {one.kind for one in list_settings(TrainConfig(), list_layouts("cpu")[0])}
