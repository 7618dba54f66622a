"""Changes of images on the device: distributions of values as Albumentations'."""

import colorsys
from typing import Any

import cv2
import numpy as np
import pytest
from albumentations.augmentations.blur.functional import create_gaussian_kernel_1d

from tests.unit.on_device.both import assert_alike, on_device, repeat
from tests.unit.pipeline.one_transform import STILL, draw
from trainer.on_device.colours import shift_hsv
from trainer.on_device.sampling import apply_matrices
from trainer.on_device.scales import _coarsen, _smear
from trainer.pipeline.appearance import LowResolution

SHAPE = (24, 32)


def numbers(*values: float) -> Any:
    """One for each image of a batch, (B, 1, 1)."""
    return np.array(values, np.float32)[:, None, None]


@pytest.mark.parametrize("options", [{"strength": 2.0}, {"brightness": 0.0}])
def test_brightness_and_contrast_are_as_far_from_the_image(options: dict[str, float]) -> None:
    image = np.full((8, 8, 1), 110, np.float32)
    image[4:] = 140

    def measure(images: Any) -> Any:
        """The factor of the contrast, and a grey level; not where both are at the end of the range."""
        return images[:, [0, -1], 0, 0]

    assert_alike(STILL["colour"] | options, image, measure)


def test_hue_saturation_and_value_are_as_far_from_the_image() -> None:
    """Of one colour, coarsely, as OpenCV counts hues in steps of two degrees; half of the images keep theirs."""
    image = np.full((4, 4, 3), (180, 120, 70), np.float32)

    def measure(images: Any) -> Any:
        red, green, blue = images[:, 0, 0].T
        hues = np.degrees(np.arctan2(3**0.5 * (green - blue), 2 * red - green - blue))
        return np.round(np.stack([red, green, blue, hues], 1) / 8)

    assert_alike(STILL["colour"] | {"brightness": 0.1, "hue_degrees": 60.0}, image, measure)


def test_hues_are_shifted_by_the_formulas_of_hsv() -> None:
    images = draw((9, 9, 3), 4)[0].astype(np.float32)
    images[:, 0] = images[:, 0, :, :1]  # grey ones
    images[0, 1, 0] = 0
    degrees, saturation, value = (0.0, 50.0, -170.0, 10.0), (0.0, 0.2, -0.3, 1.0), (0.0, -0.2, 0.3, 0.1)
    shifted = np.asarray(shift_hsv(images, numbers(*degrees), numbers(*saturation), numbers(*value)))
    for number, image in enumerate(images):
        for pixel, found in zip(image.reshape(-1, 3) / 255, shifted[number].reshape(-1, 3) / 255, strict=True):
            h, s, v = colorsys.rgb_to_hsv(*pixel.tolist())
            s = min(1.0, max(0.0, s + saturation[number])) if s else 0.0
            v = min(1.0, max(0.0, v + value[number]))
            wanted = colorsys.hsv_to_rgb((h + degrees[number] / 360) % 1, s, v)
            np.testing.assert_allclose(found, wanted, atol=2e-4)


def test_powers_are_as_large() -> None:
    def measure(images: Any) -> Any:
        return np.log(images[:, 0, 0] / 255) / np.log(100 / 255)

    assert_alike(STILL["gamma"], np.full((4, 4, 1), 100, np.float32), measure)


@pytest.mark.parametrize("options", [STILL["blur"], STILL["blur"] | {"blur_sigma": 4.0}, STILL["low resolution"]])
def test_images_are_as_sharp(options: dict[str, float]) -> None:
    """By the deviation of what was noise, and of its middle alone."""
    image = draw((*SHAPE, 1), 1)[0][0].astype(np.float32)

    def measure(images: Any) -> Any:
        return np.round(np.stack([images.std((1, 2, 3)), images[:, 6:-6, 6:-6].std((1, 2, 3))], 1), 2)

    assert_alike(options, image, measure)


@pytest.mark.parametrize("sigma", [0.3, 1.0, 6.0, 20.0])
def test_a_blur_is_that_of_albumentations(sigma: float) -> None:
    """Of an image between mirrored ones, as often mirrored as the kernel is long."""
    image = draw((*SHAPE, 2), 1)[0].astype(np.float32)
    rows, columns = (_smear(length, numbers(sigma), 20.0) for length in SHAPE)
    kernel = create_gaussian_kernel_1d(sigma)
    wanted = cv2.sepFilter2D(image[0], -1, kernel, kernel)
    np.testing.assert_allclose(np.asarray(apply_matrices(image, rows, columns))[0], wanted, atol=1e-2)


@pytest.mark.parametrize("scale", [0.2, 0.5, 0.71, 0.95])
def test_a_lower_resolution_is_that_of_albumentations(scale: float) -> None:
    image = draw((*SHAPE, 2), 1)[0].astype(np.float32)
    rows, columns = (_coarsen(length, numbers(scale)) for length in SHAPE)
    wanted = LowResolution((0.5, 0.5), p=1).apply(image[0], scale)
    np.testing.assert_allclose(np.asarray(apply_matrices(image, rows, columns))[0], wanted, atol=1e-2)


def test_noise_is_as_strong() -> None:
    """Its mean, its deviation, and the deviation of its difference between two channels."""
    image = np.full((24, 32, 2), 128, np.float32)

    def measure(images: Any) -> Any:
        between = np.diff(images, axis=-1).std((1, 2, 3))
        return np.stack([images.mean((1, 2, 3)), images.std((1, 2, 3)), between], 1)

    assert_alike(STILL["noise"], image, measure)


@pytest.mark.parametrize("size", [(24, 32), (33, 20)])
@pytest.mark.parametrize("name", ["grid", "holes"])
def test_as_much_is_hidden_as_often_at_the_same_places(name: str, size: tuple[int, int]) -> None:
    """The share of the image, the hidden rows and columns, and how many pixels begin a rectangle."""
    image = np.random.default_rng(0).uniform(0, 255, (*size, 1)).astype(np.float32)

    def measure(images: Any) -> Any:
        hidden = np.abs(images - image)[..., 0] > 1e-3
        begins = hidden[:, 1:, 1:] & ~hidden[:, :-1, 1:] & ~hidden[:, 1:, :-1]
        lines = [hidden.any(axis).mean(1) for axis in (1, 2)]
        return np.stack([hidden.mean((1, 2)), *lines, begins.sum((1, 2)), hidden[:, 0].mean(1)], 1)

    assert_alike(STILL[name], image, measure)


@pytest.mark.parametrize("name", ["grid", "holes"])
def test_what_is_hidden_becomes_the_mean_of_each_channel(name: str) -> None:
    """That of the image with its noise, which comes before."""
    image = np.random.default_rng(0).uniform(80, 140, (16, 24, 3)).astype(np.float32)
    changed, _ = on_device(STILL[name] | {"noise": 1.0, "noise_std": 0.02}, *repeat(image))
    for found in changed[:20]:
        values, counts = np.unique(found.reshape(-1, 3), axis=0, return_counts=True)
        assert (counts > 1).sum() == 1  # noise gives no value twice
        np.testing.assert_allclose(values[counts.argmax()], image.mean((0, 1)), atol=6)
