"""What is found of images: channels, scale, patch, and what padding ignores."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.data.look.sources import grid, of_arrays, with_tests
from trainer.config import DataConfig
from trainer.data.item import Item, Picture, Source
from trainer.data.look.look import Look, look
from trainer.errors import InputError


def images_of(*images: Any) -> Source:
    return of_arrays([_mask(image.shape[0], image.shape[1]) for image in images], images)


def _mask(height: int, width: int) -> Any:
    mask = np.zeros((height, width), np.uint8)
    mask[:, : width // 2] = 1
    return mask


def plain(height: int = 16, width: int = 16, channels: int = 1, dtype: Any = np.uint8) -> Any:
    return np.zeros((height, width, channels), dtype)


def look_at(*images: Any, gpu: bool = False, **data: Any) -> Look:
    return look(images_of(*images), DataConfig(**data), gpu)


def refusal(*images: Any, **data: Any) -> str:
    with pytest.raises(InputError) as caught:
        look_at(*images, **data)
    return str(caught.value)


class TestSizes:
    def test_an_image_and_its_mask_must_be_of_one_size(self) -> None:
        with pytest.raises(InputError, match=r"must be of one size; got image 1 of data.npz 16x16 and .* 16x8"):
            look(of_arrays([grid(0, 1), grid(0, 1)[:, :8]], [plain(), plain()]), DataConfig())

    def test_labelled_images_are_needed(self) -> None:
        with pytest.raises(InputError, match="must have images with masks; got none in data"):
            look(with_tests(of_arrays([]), plain()), DataConfig())


class TestChannels:
    @pytest.mark.parametrize(
        ("channels", "found", "line"),
        [
            ((1, 1), None, "grey"),
            ((3, 3), None, "RGB"),
            ((3, 1, 3), None, "RGB, 1 grey ones among them"),
            ((2, 2), 2, "2 bands"),
            ((16,), 16, "16 bands"),
        ],
    )
    def test_they_are_found(self, channels: tuple[int, ...], found: int | None, line: str) -> None:
        result = look_at(*(plain(channels=count) for count in channels))
        assert result.config.channels == found
        assert f"channels: {line}, 8 bits" in result.found

    def test_others_must_be_equal(self) -> None:
        text = refusal(plain(channels=3), plain(channels=4))
        assert "image 0 of data.npz with 3 and image 1 of data.npz with 4" in text

    def test_there_are_at_most_16(self) -> None:
        assert "at most 16 channels; got image 0 of data.npz with 17" in refusal(plain(channels=17))

    def test_grey_and_rgb_are_turned_into_each_other(self) -> None:
        assert look_at(plain(channels=1), channels=3).config.channels == 3
        assert look_at(plain(channels=3), channels=1).config.channels == 1
        assert look_at(plain(channels=4), channels=4).config.channels == 4
        assert "got 3, and image 0 of data.npz with 4" in refusal(plain(channels=4), channels=3)
        assert "got 4, and image 0 of data.npz with 3" in refusal(plain(channels=3), channels=4)


class TestScale:
    def test_8_bits_stay(self) -> None:
        assert look_at(plain()).config.scale is None

    @pytest.mark.parametrize("dtype", [np.uint16, np.int64, np.float32])
    def test_whole_numbers_to_255_stay(self, dtype: Any) -> None:
        image = np.arange(256).reshape(16, 16, 1).astype(dtype)
        result = look_at(image)
        assert result.config.scale is None and "pixel values: 0 to 255 as they are" in result.found

    @pytest.mark.parametrize("high", [0.5, 1.0])
    def test_floats_to_1_are_shares(self, high: float) -> None:
        assert look_at(np.full((16, 16, 1), high, np.float32)).config.scale == (0, 1)

    def test_wider_ones_have_percentiles(self) -> None:
        image = np.linspace(1000, 3000, 64 * 64).reshape(64, 64, 1).astype(np.uint16)
        scale = look_at(image).config.scale
        assert scale == pytest.approx((1010, 2990), abs=1)

    def test_six_digits_are_kept(self) -> None:
        image = (1e6 + np.linspace(0, 123456.789, 4096)).reshape(64, 64, 1)
        scale = look_at(image).config.scale
        assert isinstance(scale, tuple) and all(float(f"{value:.6g}") == value for value in scale)

    def test_even_images_have_a_lower_and_a_higher_value(self) -> None:
        assert look_at(np.full((16, 16, 1), 700, np.uint16)).config.scale == (700, 1400)
        assert look_at(np.full((16, 16, 1), -3.5, np.float64)).config.scale == (-3.5, 0)

    def test_a_rare_bright_pixel_counts_where_all_else_is_even(self) -> None:
        image = np.full((64, 64, 1), 300, np.uint16)
        image[0, 0] = 900
        assert look_at(image).config.scale == (300, 900)

    def test_only_the_training_side_counts(self) -> None:
        source = images_of(np.full((16, 16, 1), 500, np.uint16), np.full((16, 16, 1), 60000, np.uint16))
        items = [
            Item(i.name, i.image, i.mask, side) for i, side in zip(source.items, ("train", "validation"), strict=True)
        ]
        found = look(Source(source.path, tuple(items), ""), DataConfig())
        assert found.config.scale == (500, 1000)
        assert "validation: an official part, 1 image" in found.found

    def test_8_and_16_bits_do_not_mix(self) -> None:
        text = refusal(plain(), np.full((16, 16, 1), 500, np.uint16))
        assert "image 0 of data.npz (uint8) and image 1 of data.npz (uint16)" in text
        assert look_at(plain(), np.full((16, 16, 1), 200, np.uint16)).config.scale is None

    def test_nan_is_refused(self) -> None:
        image = plain(dtype=np.float32)
        image[3, 3] = np.nan
        assert "must have finite pixels; got nan in image 1 of data.npz" in refusal(plain(dtype=np.float32), image)

    def test_a_given_one_wins(self) -> None:
        assert look_at(plain(), scale=(10, 20)).config.scale == (10, 20)
        assert "a lower and a higher value; got 20, 10" in refusal(plain(), scale=(20, 10))

    def test_none_needs_numbers_to_255(self) -> None:
        text = refusal(plain(dtype=np.uint16), np.full((16, 16, 1), 256, np.uint16), scale="none")
        assert "got 256 to 256 in image 1 of data.npz" in text
        assert look_at(plain(dtype=np.uint16), scale="none").config.scale is None


class TestPatch:
    @pytest.mark.parametrize(
        ("sizes", "gpu", "patch"),
        [
            ([(64, 128)] * 2, False, None),
            ([(256, 256)], False, None),
            ([(256, 257)], False, (128, 128)),
            ([(256, 257)], True, None),
            ([(40, 2000)], False, (64, 128)),
            ([(512, 513)], True, (256, 256)),
            ([(60, 75), (64, 64), (61, 90)], False, (64, 96)),
            ([(64, 64), (700, 900), (700, 900)], False, (128, 128)),
        ],
    )
    def test_it_follows_from_the_sizes(
        self, sizes: list[tuple[int, int]], gpu: bool, patch: tuple[int, int] | None
    ) -> None:
        assert look_at(*(plain(*size) for size in sizes), gpu=gpu).config.patch == patch

    def test_resized_images_are_whole(self) -> None:
        config = look_at(plain(300, 300), plain(200, 100), resize=(64, 64)).config
        assert config.patch is None and config.ignore is None

    def test_a_given_one_wins(self) -> None:
        assert look_at(plain(), patch=(8, 16)).config.patch == (8, 16)
        assert "at least 8 pixels high and wide; got 7x16" in refusal(plain(), patch=(7, 16))

    def test_whole_images_must_have_one_size(self) -> None:
        text = refusal(plain(), plain(), plain(16, 20), patch="none")
        assert "all images must have one size" in text and "set data.resize or data.patch" in text
        assert "image 0 of data.npz 16x16 and image 2 of data.npz 16x20" in text
        assert look_at(plain(300, 300), patch="none").config.patch is None


class TestPadding:
    def test_it_is_ignored(self) -> None:
        result = look_at(plain(16, 16), plain(40, 40))
        assert (result.config.patch, result.config.ignore) == ((32, 32), 255)
        assert "not scored: what is beyond the edges of images, or of no class" in result.found

    def test_an_ignored_class_ignores_it_too(self) -> None:
        masks = [grid(0, 1, 2), grid(0, 1, 2, side=40)]
        assert look(of_arrays(masks), DataConfig(ignore=0)).config.ignore == 0

    def test_there_is_none_in_larger_images(self) -> None:
        assert look_at(plain(300, 300)).config.ignore is None

    def test_keeping_the_aspect_pads(self) -> None:
        assert look_at(plain(32, 64), resize=(16, 16), fit="pad").config.ignore == 255
        assert look_at(plain(32, 64), resize=(16, 32), fit="pad").config.ignore is None
        assert look_at(plain(32, 64), resize=(16, 16)).config.ignore is None

    def test_256_classes_leave_no_label_for_it(self) -> None:
        assert look_at(plain(16, 16), plain(40, 40), classes=256).config.ignore is None


class TestTests:
    def test_they_are_counted(self) -> None:
        assert (
            "test images without masks: 2" in look(with_tests(images_of(plain()), plain(), plain()), DataConfig()).found
        )

    def test_strange_ones_are_warned_of(self) -> None:
        source = with_tests(images_of(plain()), plain(channels=3), plain(channels=4), plain(dtype=np.uint16))
        first, second = look(source, DataConfig()).warnings
        assert first.startswith("1 test images have other channels") and second.startswith(
            "1 test images have other bits"
        )

    def test_unreadable_ones_are_warned_of(self, tmp_path: Path) -> None:
        (tmp_path / "t.png").write_bytes(b"no picture")
        source = images_of(plain())
        items = (*source.items, Item("t", Picture(tmp_path / "t.png"), None, "test"))
        (warning,) = look(Source(source.path, items, ""), DataConfig()).warnings
        assert warning.startswith("1 test images cannot be read, the first: ") and "t.png" in warning


class TestResize:
    def test_a_class_that_it_loses_is_warned_of(self) -> None:
        mask = grid(0, 1, side=64)
        mask[::16, :32] = 2
        (warning,) = look(of_arrays([mask]), DataConfig(resize=(8, 8))).warnings
        assert warning.startswith("class 2 (2) is thin or small: at 8x8 no network can reach an IoU above 0.00")

    def test_broad_ones_are_not(self) -> None:
        assert look(of_arrays([grid(0, 1, side=64)]), DataConfig(resize=(32, 32))).warnings == ()
        assert look(of_arrays([grid(0, 1, side=64)]), DataConfig(resize=(128, 128))).warnings == ()

    def test_ignored_pixels_do_not_count(self) -> None:
        mask = grid(0, 1, side=64)
        mask[::8] = 255
        labels = {"0": 0, "1": 1, "255": 255}
        config = DataConfig(resize=(8, 8), labels=labels)
        assert look(of_arrays([mask]), config).warnings == ()

    def test_values_of_one_class_do_not_count_apart(self) -> None:
        mask = grid(0, 10, side=64)
        mask[::8, 32:] = 11
        config = DataConfig(resize=(8, 8), labels={"0": 0, "10": 1, "11": 1})
        assert look(of_arrays([mask]), config).warnings == ()
