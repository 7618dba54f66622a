"""What follows from a configuration's values."""

from typing import Any

import pytest
from pydantic import ValidationError

from trainer.config import TrainConfig


@pytest.mark.parametrize(
    ("ignore", "background", "ignored", "masked"),
    [
        (0, "ignore", 0, 0),
        (0, "learn", None, None),
        (4, "ignore", 4, 4),
        (255, "ignore", 255, None),
        (255, "learn", 255, None),  # it is no class, so it cannot be learned
        ("none", "ignore", None, None),
        ("none", "learn", None, None),
    ],
)
def test_which_label_the_loss_ignores_and_which_class_is_masked(
    ignore: Any, background: str, ignored: int | None, masked: int | None
) -> None:
    tables = {"data": {"ignore": ignore, "classes": 5}, "loss": {"background": background}}
    config = TrainConfig.model_validate(tables)
    assert config.loss_ignore_label == ignored
    assert config.masked_class == masked


def test_the_oversampled_class_must_be_a_class() -> None:
    assert TrainConfig.model_validate({"data": {"classes": 3, "oversample_class": 2}}).data.oversample_class == 2
    with pytest.raises(ValidationError, match="must be below 3; got 3"):
        TrainConfig.model_validate({"data": {"classes": 3, "oversample_class": 3}})


def test_a_configuration_is_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        TrainConfig().model.depth = 4  # type: ignore[misc]
