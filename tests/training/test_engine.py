"""What the engine sees."""

from trainer.engine import devices


def test_a_machine_without_a_gpu_has_an_empty_list() -> None:
    """JAX raises there; CUDA_VISIBLE_DEVICES hides any for these tests."""
    assert devices("gpu") == []
    assert devices("cpu")
