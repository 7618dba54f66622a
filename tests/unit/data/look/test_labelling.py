"""Which values of masks are found to be which classes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.unit.data.look.sources import colours_of, grid, of_arrays, of_files
from trainer.config import DataConfig
from trainer.data.disk.read import read_mask
from trainer.data.labels import decode_mask
from trainer.data.look.look import Look, look
from trainer.errors import InputError


def look_at(*masks: Any, is_course: bool = False, **data: Any) -> Look:
    return look(of_arrays(masks, is_course=is_course), DataConfig(**data))


def found(*masks: Any, **data: Any) -> tuple[Any, ...]:
    config = look_at(*masks, **data).config
    return config.classes, config.labels, config.ignore, config.names


def message(*masks: Any, **data: Any) -> str:
    with pytest.raises(InputError) as caught:
        look_at(*masks, **data)
    assert "\n" not in str(caught.value)
    return str(caught.value)


BINARY = ("background", "foreground")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((0, 1), (2, {}, None, BINARY)),
        ((0, 1, 2, 3), (4, {}, None, ("0", "1", "2", "3"))),
        ((0, 255), (2, {"0": 0, "255": 1}, None, BINARY)),
        ((0, 7), (2, {"0": 0, "7": 1}, None, BINARY)),
        ((3, 9), (2, {"3": 0, "9": 1}, None, ("3", "9"))),
        ((0, 50, 100), (3, {"0": 0, "50": 1, "100": 2}, None, ("0", "50", "100"))),
        ((1, 2, 3), (3, {"1": 0, "2": 1, "3": 2}, None, ("1", "2", "3"))),
        ((0, 1, 255), (2, {"0": 0, "1": 1, "255": 255}, 255, BINARY)),
        ((0, 1, 2, 255), (3, {"0": 0, "1": 1, "2": 2, "255": 255}, 255, ("0", "1", "2"))),
        ((7, 11, 33, 255), (3, {"7": 0, "11": 1, "33": 2, "255": 255}, 255, ("7", "11", "33"))),
        ((0, 128, 255), (3, {"0": 0, "128": 1, "255": 2}, None, ("0", "128", "255"))),
    ],
)
def test_values_become_classes(values: tuple[int, ...], expected: tuple[Any, ...]) -> None:
    assert found(grid(*values)) == expected


def test_minus_one_is_no_class() -> None:
    expected = (2, {"0": 0, "1": 1, "-1": 255}, 255, BINARY)
    assert found(grid(0, 1, -1, dtype=np.int16)) == expected


def test_values_of_many_masks_count_together() -> None:
    assert found(grid(0, 1), grid(0, 2), grid(2, 3))[0] == 4


def test_values_of_more_than_eight_bits_become_classes() -> None:
    assert found(grid(0, 1000, 2000, dtype=np.uint16))[1] == {"0": 0, "1000": 1, "2000": 2}


def test_many_numbers_of_areas_are_classes() -> None:
    values = [*range(150), 255]
    assert found(grid(*values, side=151 * 2))[0::2] == (150, 255)


def test_masks_of_0_and_1_beside_masks_of_0_and_255_are_refused() -> None:
    text = message(grid(0, 1), grid(0, 255))
    assert text.startswith("masks must have one kind of values") and '"255" = 1' in text
    assert found(grid(0, 1), grid(0, 255), labels={"0": 0, "1": 1, "255": 1})[0] == 2


class TestCourse:
    def test_its_labels_have_five_classes_and_ignore_the_background(self) -> None:
        names = ("background", "soil", "bedrock", "sand", "big rock")
        assert found(grid(0, 1, 2), is_course=True) == (5, {}, 0, names)

    def test_other_labels_are_refused(self) -> None:
        text = message(grid(0, 1, 2), grid(0, 1, 2, 5), is_course=True)
        assert "got 5 in 1 of 2 masks" in text and "data.classes" in text

    def test_the_configuration_wins(self) -> None:
        assert found(grid(0, 1, 2, 5), is_course=True, classes=6)[:3] == (6, {}, None)
        assert found(grid(0, 1, 2), is_course=True, ignore="none")[:3] == (5, {}, None)
        assert found(grid(0, 1, 2, 5), is_course=True, ignore="none")[:3] == (
            4,
            {"0": 0, "1": 1, "2": 2, "5": 3},
            None,
        )


class TestGivenClasses:
    def test_values_are_labels(self) -> None:
        assert found(grid(0, 1, 2), classes=4) == (4, {}, None, ("0", "1", "2", "3"))

    def test_a_value_beyond_is_counted_and_refused(self) -> None:
        text = message(grid(0, 1), grid(0, 1, 7), classes=2)
        assert text.startswith("masks must have listed values alone, 0, 1; got 7 in 1 of 2 masks (")
        assert "image 1 of data.npz" in text and "data.unlisted" in text

    def test_the_ignored_label_is_listed_too(self) -> None:
        assert found(grid(0, 1, 9), classes=2, ignore=9)[:3] == (2, {}, 9)

    def test_void_is_still_found(self) -> None:
        assert found(grid(0, 1, 255), classes=4)[:3] == (4, {"0": 0, "1": 1, "2": 2, "3": 3, "255": 255}, 255)

    def test_void_is_refused_where_nothing_may_be_ignored(self) -> None:
        assert "got 255 in 1 of 1 masks" in message(grid(0, 1, 255), classes=2, ignore="none")

    def test_two_classes_of_0_and_255(self) -> None:
        assert found(grid(0, 255), classes=2)[:3] == (2, {"0": 0, "255": 1}, None)

    def test_colours_must_be_as_many(self) -> None:
        mask = colours_of(grid(0, 0xFF0000, 0x00FF00, dtype=np.int32))
        assert found(mask, classes=3)[0] == 3
        assert "got 2 for 3: #000000, #00ff00, #ff0000" in message(mask, classes=2)


class TestGivenIgnore:
    def test_a_class_may_be_ignored(self) -> None:
        assert found(grid(0, 1, 2), ignore=0)[:3] == (3, {}, 0)

    def test_a_value_that_is_no_class(self) -> None:
        assert found(grid(0, 1, 9), ignore=9)[:3] == (2, {}, 9)

    def test_a_value_beside_others_than_numbers(self) -> None:
        assert found(grid(10, 20, 50), ignore=50)[:3] == (2, {"10": 0, "20": 1, "50": 50}, 50)
        assert "set data.labels" in message(grid(1, 50, 100), ignore=1)

    def test_none_makes_a_class_of_255(self) -> None:
        assert found(grid(0, 1, 255), ignore="none") == (3, {"0": 0, "1": 1, "255": 2}, None, ("0", "1", "255"))


class TestGivenLabels:
    def test_classes_follow(self) -> None:
        labels = {"0": 0, "10": 1, "20": 1, "30": 2}
        assert found(grid(0, 10, 20, 30), labels=labels) == (3, labels, None, ("0", "10", "30"))

    def test_void_is_ignored(self) -> None:
        labels = {"0": 0, "10": 1, "20": 255}
        assert found(grid(0, 10, 20), labels=labels)[:3] == (2, labels, 255)

    def test_void_needs_to_be_ignored(self) -> None:
        assert "data.ignore must be 255" in message(grid(0, 1, 2), labels={"0": 0, "1": 1, "2": 255}, ignore=0)

    def test_a_value_that_is_not_listed_is_refused(self) -> None:
        assert "got 20 in 1 of 1 masks" in message(grid(0, 10, 20), labels={"0": 0, "10": 1})

    @pytest.mark.parametrize("labels", [{"red": 0}, {"#ff": 0}, {"#12345g": 1}])
    def test_a_key_must_be_a_value_or_a_colour(self, labels: dict[str, int]) -> None:
        assert message(grid(0, 1), labels=labels).startswith("data.labels must have values")

    def test_values_and_colours_do_not_mix(self) -> None:
        assert "not both" in message(grid(0, 1), labels={"0": 0, "#ffffff": 1})

    def test_a_label_must_be_a_class(self) -> None:
        assert "got 1 = 4" in message(grid(0, 1), labels={"0": 0, "1": 4}, classes=2)
        assert "got 1 = -2" in message(grid(0, 1), labels={"0": 0, "1": -2})

    def test_several_values_of_the_foreground(self) -> None:
        assert found(grid(0, 1, 255), labels={"0": 0, "1": 1, "255": 1})[3] == BINARY


class TestNames:
    def test_given_ones_stay(self) -> None:
        assert found(grid(0, 255), names=("sky", "ground"))[3] == ("sky", "ground")

    def test_they_may_name_classes_without_pixels(self) -> None:
        assert found(grid(0, 1), names=("a", "b", "c"))[0] == 3

    def test_their_number_must_be_right(self) -> None:
        assert "got 3 names" in message(grid(0, 255), names=("a", "b", "c"))

    def test_the_oversampled_class_must_be_one(self) -> None:
        assert "data.oversample_class must be below 2; got 2" in message(grid(0, 255), oversample_class=2)


class TestScored:
    @pytest.mark.parametrize("values", [(0,), (255,), (7,)])
    def test_one_value_is_refused(self, values: tuple[int, ...]) -> None:
        assert message(grid(*values)).startswith("masks must have pixels of two scored classes; got only class 0")

    def test_what_is_ignored_is_named(self) -> None:
        text = message(grid(0, 1), is_course=True)
        assert "got only class 1 (soil), and label 0 (background), which is ignored, in 50.0%" in text
        text = message(grid(0, 255), classes=2, ignore=255)
        assert "got only class 0 (background), and label 255, which is ignored" in text

    def test_void_beside_one_class_is_refused(self) -> None:
        assert "which is ignored" in message(grid(0, -1, dtype=np.int8))


def smoothed(*values: int) -> Any:
    """A mask of two halves with one pixel's width of other values between, below half a percent in all."""
    mask = grid(0, 255, side=256)
    mask[: len(values), 128] = values
    return mask


class TestEdges:
    def test_smoothed_edges_are_refused_with_counts(self) -> None:
        text = message(smoothed(*range(20, 200, 20)))
        assert "got 11 values in 1 masks of 65,536 pixels, 9 of them at edges with 0.01%" in text
        assert 'data.unlisted = "nearest" or "ignore", and data.labels' in text

    def test_a_few_rare_values_of_areas_are_classes(self) -> None:
        mask = grid(0, 255, side=256)
        for index, value in enumerate((40, 80, 120, 160)):
            mask[4 * index : 4 * index + 3, :3] = value
        assert found(mask)[0] == 6

    def test_more_than_64_values_are_refused(self) -> None:
        random = np.random.default_rng(0)
        assert "64 at most; got 200 values" in message(random.integers(10, 210, (64, 64), np.uint8))
        assert "got 100 values" in message(grid(*range(0, 1000, 10), side=200, dtype=np.uint16))
        assert "64 at most; got 256 values" in message(random.integers(0, 256, (64, 64), np.uint8))

    def test_photographs_are_refused_fast(self) -> None:
        random = np.random.default_rng(0)
        assert "got at least 16,3" in message(random.integers(0, 256, (128, 128, 3), np.uint8))

    @pytest.mark.parametrize(("unlisted", "ignore"), [("ignore", 255), ("nearest", None)])
    def test_frequent_values_are_classes_if_others_may_be_there(self, unlisted: str, ignore: int | None) -> None:
        result = look_at(smoothed(*range(20, 200, 20)), unlisted=unlisted)
        assert (result.config.labels, result.config.ignore) == ({"0": 0, "255": 1}, ignore)
        assert {value.value: value.label for value in result.values} == {"0": 0, "255": 1} | {
            str(value): None for value in range(20, 200, 20)
        }
        assert any("9 other values" in line and "0.01%" in line for line in result.found)

    def test_two_classes_with_smoothed_edges(self) -> None:
        assert found(smoothed(*range(20, 200, 20)), classes=2, unlisted="nearest")[1] == {"0": 0, "255": 1}

    def test_compressed_masks_have_their_two_values(self, tmp_path: Path) -> None:
        y, x = np.mgrid[:128, :128]
        mask = np.where((y - 60) ** 2 + (x - 60) ** 2 < 40**2, 255, 0).astype(np.uint8)
        Image.fromarray(mask).save(tmp_path / "a.jpg", quality=80)
        source = of_files(tmp_path, {"a.png": Image.open(tmp_path / "a.jpg")})
        with pytest.raises(InputError, match="one value a class"):
            look(source, DataConfig())
        config = look(source, DataConfig(unlisted="nearest")).config
        assert config.labels == {"0": 0, "255": 1}
        reference = source.items[0].mask
        assert reference is not None
        decoded = decode_mask(read_mask(reference), config, reference)
        assert np.mean(decoded == (mask > 0)) > 0.99


def test_looking_again_at_what_was_found_finds_the_same() -> None:
    for mask in (grid(0, 1), grid(0, 255), grid(0, 1, 2, 255), colours_of(grid(0, 0xFF0000, dtype=np.int32))):
        first = look_at(mask).config
        assert look(of_arrays([mask]), first).config == first
