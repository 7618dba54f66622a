"""The devices that the backend sees."""

import keras
import pytest

from trainer.errors import InputError
from trainer.training.backend import backend_name, devices, require_gpu


def test_a_machine_without_a_gpu_has_an_empty_list() -> None:
    """JAX raises there; CUDA_VISIBLE_DEVICES hides any GPU from these tests."""
    assert devices("gpu") == []
    assert devices("cpu")


def test_training_meant_for_a_gpu_does_not_fall_back_to_the_cpu() -> None:
    assert backend_name() == keras.backend.backend()
    with pytest.raises(InputError, match=f"needs one that {backend_name()} can use; it sees none; .*--device cpu"):
        require_gpu()
