"""What the backend sees."""

from trainer.training.backend import devices


def test_a_machine_without_a_gpu_has_an_empty_list() -> None:
    """JAX raises there; CUDA_VISIBLE_DEVICES hides any for these tests."""
    assert devices("gpu") == []
    assert devices("cpu")
