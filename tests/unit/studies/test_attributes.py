"""Attributes of studies and trials: written one by one, read whatever another program wrote."""

import tracemalloc
from typing import Any

import pytest

from storage.studies.attributes import StudyAttributes, TrialAttributes, attribute_key


class Target:
    """As a study or trial of Optuna's."""

    def __init__(self) -> None:
        self.user_attrs: dict[str, Any] = {}

    def set_user_attr(self, key: str, value: Any) -> None:
        self.user_attrs[key] = value


def test_what_is_written_is_read_again() -> None:
    target = Target()
    written = TrialAttributes(
        iou=(None, 0.25), names=("ground", "rock"), images=(24, 8), commit=None, device_s=1.5, base={"seed": 3}
    )
    written.write(target)
    assert target.user_attrs == {
        "iou": [None, 0.25],
        "names": ["ground", "rock"],
        "images": [24, 8],
        "commit": None,
        "device_s": 1.5,
        "base": {"seed": 3},
    }
    assert TrialAttributes.read(target.user_attrs) == written


def test_only_what_was_given_is_written() -> None:
    target = Target()
    TrialAttributes(starts=0).write(target)
    assert target.user_attrs == {"starts": 0}


def test_a_missing_attribute_has_its_default() -> None:
    assert TrialAttributes.read({}) == TrialAttributes()
    assert StudyAttributes.read({"other": 1}).failures_counted_to == -1


@pytest.mark.parametrize(
    "wrong", [{"iou": "high"}, {"iou": [0.5, "x"]}, {"parameters": 1.5}, {"cause": {"a": 1}}, {"images": [1, 2, 3]}]
)
def test_a_value_of_another_type_is_read_as_missing(wrong: dict[str, Any]) -> None:
    assert TrialAttributes.read({"worker": "host:0"} | wrong) == TrialAttributes(worker="host:0")


def test_a_key_in_sql_must_be_an_attribute() -> None:
    assert attribute_key("cause") == "'cause'"
    with pytest.raises(AssertionError, match="casue"):
        attribute_key("casue")


def test_a_list_that_is_wrong_at_every_place_is_read_as_missing_and_takes_no_message_for_each() -> None:
    tracemalloc.start()
    try:
        assert TrialAttributes.read({"iou": ["x"] * 100_000, "starts": 3}) == TrialAttributes(starts=3)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1 << 20
