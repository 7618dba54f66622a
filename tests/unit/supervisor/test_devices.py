"""The device slots of a host."""

import pytest

from search.supervisor import devices
from search.supervisor.devices import Gpu, default_cpu_workers, list_device_slots, visible_gpus
from trainer.errors import InputError

LISTING = "0, GPU-aaaa, NVIDIA H200\n1, GPU-bbbb, NVIDIA H200\n"


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "list_gpus", lambda: visible_gpus(LISTING, None))


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "NVIDIA_SMI", ("no-such-program",))


@pytest.mark.parametrize(
    ("visible", "tokens"),
    [
        (None, ["GPU-aaaa", "GPU-bbbb"]),
        ("1", ["1"]),
        ("1,0", ["1", "0"]),
        ("GPU-bb", ["GPU-bb"]),
        ("MIG-cccc", ["MIG-cccc"]),
        ("0,-1,1", ["0"]),
        ("", []),
        ("-1", []),
    ],
)
def test_visible_devices_are_read_as_cuda_does(visible: str | None, tokens: list[str]) -> None:
    assert [gpu.token for gpu in visible_gpus(LISTING, visible)] == tokens


def test_each_gpu_is_a_slot(two_gpus: None) -> None:
    slots = list_device_slots()
    assert [slot.env["CUDA_VISIBLE_DEVICES"] for slot in slots] == ["GPU-aaaa", "GPU-bbbb"]
    assert all(slot.gpu for slot in slots) and slots[0].device == "gpu 0 (NVIDIA H200)"


def test_more_workers_than_gpus_share_them(two_gpus: None) -> None:
    assert [slot.env["CUDA_VISIBLE_DEVICES"][-1] for slot in list_device_slots(4)] == ["a", "b", "a", "b"]


def test_workers_may_share_a_gpu_and_its_memory_grows_on_demand(two_gpus: None) -> None:
    slots = list_device_slots(per_gpu=2)
    assert [slot.env["CUDA_VISIBLE_DEVICES"][-1] for slot in slots] == ["a", "b", "a", "b"]
    assert {slot.env["TF_FORCE_GPU_ALLOW_GROWTH"] for slot in slots} == {"true"}


def test_per_gpu_does_not_apply_to_the_cpu(two_gpus: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "count_cores", lambda: 1)
    assert len(list_device_slots(device="cpu", per_gpu=4)) == 1


def test_the_cpu_can_be_requested(two_gpus: None) -> None:
    assert not any(slot.gpu for slot in list_device_slots(2, "cpu"))


def test_without_nvidia_smi_there_is_no_gpu(no_gpu: None) -> None:
    assert not any(slot.gpu for slot in list_device_slots(2))
    with pytest.raises(InputError, match="needs a GPU that nvidia-smi lists; got none"):
        list_device_slots(device="gpu")


def test_a_job_of_slurm_has_the_cores_that_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_CPUS_ON_NODE", "1")
    assert devices.count_cores() == 1
    monkeypatch.setenv("SLURM_CPUS_ON_NODE", "100000")
    assert devices.count_cores() < 100_000


def test_workers_share_the_cores(no_gpu: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "count_cores", lambda: 8)
    assert {slot.env["TF_NUM_INTRAOP_THREADS"] for slot in list_device_slots(3)} == {"2"}


@pytest.mark.parametrize(("cores", "gib", "workers"), [(2, 64, 2), (64, 64, 8), (16, 8, 2), (4, 1, 1)])
def test_memory_and_cores_limit_the_workers(cores: int, gib: int, workers: int) -> None:
    assert default_cpu_workers(cores, gib * 2**30) == workers


def test_the_deterministic_switch_is_set_or_absent(no_gpu: None) -> None:
    assert list_device_slots(1, deterministic=True)[0].env["TF_DETERMINISTIC_OPS"] == "1"
    assert "TF_DETERMINISTIC_OPS" not in list_device_slots(1)[0].env


@pytest.mark.parametrize("workers", [0, -1, 1001, 10**30])
def test_an_impossible_number_of_workers_is_refused(workers: int) -> None:
    with pytest.raises(InputError, match=f"--workers must be 1 to 1,000; got {workers}$"):
        list_device_slots(workers)


def test_a_gpu_is_named_for_people() -> None:
    assert visible_gpus(LISTING, "1") == [Gpu("1", "gpu 1 (NVIDIA H200)")]


def test_convolutions_are_onednns_unless_the_user_says_no(no_gpu: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    assert list_device_slots(1)[0].env["TF_ENABLE_ONEDNN_OPTS"] == "1"
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    assert list_device_slots(1)[0].env["TF_ENABLE_ONEDNN_OPTS"] == "0"
