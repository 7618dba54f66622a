"""Masks and probabilities of images of any size."""

import gc
import weakref
from collections.abc import Iterator, Sequence
from typing import Any, get_args

import keras
import numpy as np
import pytest
from keras import layers

from trainer.config import ModelConfig
from trainer.errors import InputError
from trainer.model import predict
from trainer.model.flips import VIEWS, Flips
from trainer.model.predict import Network, batch_size, predict_images, predict_probabilities
from trainer.model.unet import build_model


@pytest.fixture(scope="module")
def model() -> keras.Model:
    """An untrained network for images of 16x24 whose background is masked."""
    keras.utils.set_random_seed(3)
    return build_model(ModelConfig(depth=1, width=4, stem=1, norm="none", se=False), (16, 24, 3), 4, 0)


@pytest.fixture(scope="module")
def pointwise() -> keras.Model:
    """The logit of class c is the channel c, wherever a window lies; for 16-bit images of 16x24."""
    inputs = keras.Input((16, 24, 3), dtype="float32")
    return keras.Model(inputs, layers.Rescaling(0.02)(inputs))


def noise(*shape: int) -> Any:
    return np.random.default_rng(sum(shape)).integers(0, 256, (*shape, 3), np.uint8)


def predict_masks(model: keras.Model, images: Any) -> Any:
    return np.stack(list(predict_images(model, images)))


def softmax(logits: Any) -> Any:
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def probabilities_of(
    models: keras.Model | Sequence[keras.Model], image: Any, overlap: float = 0.5, flips: Flips = "none"
) -> Any:
    """The bands of an image as one array; each must begin where the last one ended."""
    networks = [Network(model, overlap) for model in (models if isinstance(models, list) else [models])]
    (bands,) = (list(bands) for bands in predict_probabilities(networks, [image], flips))
    parts: list[Any] = []
    for first, probabilities in bands:
        assert first == sum(map(len, parts))
        parts.append(probabilities)
    return np.concatenate(parts)


def test_a_batch_has_fewer_large_images() -> None:
    assert batch_size((64, 128, 1)) == batch_size((8, 8, 3)) == 64
    assert batch_size((256, 256, 1)) == 8
    assert batch_size((4000, 6000, 3)) == 1


def test_a_masked_background_is_never_predicted(model: keras.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """In batches too, the last of which is not full."""
    images = noise(70, 16, 24)
    masks = predict_masks(model, images)
    assert masks.shape == (70, 16, 24) and masks.dtype == np.uint8
    assert len(np.unique(masks)) > 1 and (masks > 0).all()
    np.testing.assert_array_equal(masks, np.asarray(model(images)).argmax(-1))
    monkeypatch.setattr(predict, "MOST_IMAGES", 100)
    np.testing.assert_array_equal(predict_masks(model, images), masks)
    assert (next(predict_images(model, [noise(50, 60)])) > 0).all()


def test_images_of_the_networks_size_are_predicted_as_they_are(model: keras.Model) -> None:
    images = noise(3, 16, 24)
    np.testing.assert_array_equal(list(predict_images(model, images)), predict_masks(model, images))
    probabilities = probabilities_of(model, images[0])
    np.testing.assert_allclose(probabilities, softmax(np.asarray(model(images))[0]), atol=1e-5)
    assert (probabilities[..., 0] == 0).all()


def test_smaller_images_are_padded_with_0(model: keras.Model) -> None:
    image = noise(9, 20)
    padded = np.zeros((1, 16, 24, 3), np.uint8)
    padded[0, :9, :20] = image
    (mask,) = predict_images(model, [image])
    np.testing.assert_array_equal(mask, predict_masks(model, padded)[0, :9, :20])
    assert probabilities_of(model, image).shape == (9, 20, 4)


def test_images_of_any_sizes_keep_their_order_and_size(model: keras.Model) -> None:
    sizes = [(16, 24), (9, 20), (100, 24), (16, 24), (40, 70), (5, 90)]
    images = [noise(*size) for size in sizes]
    masks = list(predict_images(model, iter(images)))
    assert [mask.shape for mask in masks] == sizes
    for image, mask in zip(images, masks, strict=True):
        np.testing.assert_array_equal(next(predict_images(model, [image])), mask)


@pytest.mark.parametrize("size", [(16, 25), (100, 30), (9, 100), (300, 300)])
@pytest.mark.parametrize("overlap", [0, 0.5, 0.9])
def test_windows_agree_where_a_pixel_decides_alone(
    pointwise: keras.Model, size: tuple[int, int], overlap: float
) -> None:
    image = np.random.default_rng(0).uniform(0, 255, (*size, 3)).astype(np.float16)
    expected = softmax(image.astype(np.float32) * 0.02)
    np.testing.assert_allclose(probabilities_of(pointwise, image, overlap), expected, atol=1e-5)
    (mask,) = predict_images(pointwise, [image], overlap)
    assert (mask == expected.argmax(-1)).mean() > 0.999  # float16 has ties


def test_probabilities_are_means_that_favour_the_middle_of_a_window(model: keras.Model) -> None:
    """Two windows share the columns 8 to 24; near the edge of one the other decides."""
    image = noise(16, 32)
    left, right = (softmax(np.asarray(model(image[None, :, start : start + 24]))[0]) for start in (0, 8))
    found = probabilities_of(model, image)
    np.testing.assert_allclose(found[:, :8], left[:, :8], atol=1e-5)
    np.testing.assert_allclose(found[:, 24:], right[:, 16:], atol=1e-5)
    assert np.abs(found[:, 8] - left[:, 8]).mean() < 0.2 * np.abs(right[:, 0] - left[:, 8]).mean()
    assert np.abs(found[:, 23] - right[:, 15]).mean() < 0.2 * np.abs(left[:, 23] - right[:, 15]).mean()


def test_the_caller_is_asked_before_each_batch(model: keras.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predict, "MOST_IMAGES", 4)
    asked: list[int] = []
    list(predict_images(model, [noise(16, 24), noise(40, 24)], 0.5, lambda: asked.append(1)))
    assert len(asked) == 2  # 1 + 4 windows


def test_other_channels_are_refused(model: keras.Model) -> None:
    with pytest.raises(InputError, match="images must have 3 channels as in training; got 1"):
        next(predict_images(model, [noise(16, 24)[..., :1]]))


def test_memory_does_not_grow_with_the_height(pointwise: keras.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """A band is of the rows between two windows at most, and is given before the next windows are predicted."""
    monkeypatch.setattr(predict, "MOST_IMAGES", 1)
    predicted: list[int] = []
    monkeypatch.setattr(predict, "_run", lambda _, windows: predicted.append(1) or [np.zeros((16, 24, 3))])
    bands = next(predict_probabilities([Network(pointwise)], [noise(400, 24)]))
    for count, (_, probabilities) in enumerate(bands, 1):
        assert len(predicted) == min(count, 49)
        assert len(probabilities) <= 16


def test_a_network_is_compiled_once_for_masks_and_once_for_probabilities(model: keras.Model) -> None:
    images = noise(2, 16, 24)
    predict_masks(model, images)
    probabilities_of(model, images[0])
    heads = dict(predict._HEADS[model])
    predict_masks(model, images)
    probabilities_of(model, noise(40, 70))
    assert sorted(heads) == ["classes", "probabilities"] and predict._HEADS[model] == heads


def test_what_is_compiled_has_the_networks_present_weights() -> None:
    network = build_model(ModelConfig(depth=1, width=4, stem=1, norm="none", se=False), (16, 24, 3), 4, None)
    images = noise(3, 16, 24)
    before = predict_masks(network, images)
    network.set_weights([weight[..., ::-1] for weight in network.get_weights()])
    after = predict_masks(network, images)
    assert (before != after).any()
    np.testing.assert_array_equal(after, np.asarray(network(images)).argmax(-1))


def test_what_is_compiled_goes_with_its_network() -> None:
    inputs = keras.Input((4, 4, 2))
    network = keras.Model(inputs, keras.layers.Rescaling(2.0)(inputs))
    list(predict_images(network, [np.zeros((4, 4, 2), np.float16)]))
    gone = weakref.ref(network)
    del network
    gc.collect()
    assert gone() is None


def mirrored(model: keras.Model, image: Any, flips: Flips) -> Any:
    """The mean over the views of the whole image."""
    return np.mean(
        [probabilities_of(model, image[::rows, ::columns])[::rows, ::columns] for rows, columns in VIEWS[flips]], axis=0
    )


@pytest.mark.parametrize("flips", get_args(Flips))
@pytest.mark.parametrize("size", [(16, 24), (9, 20), (40, 20), (9, 70), (40, 72)])
def test_flips_are_the_mean_over_mirrored_images(model: keras.Model, flips: Flips, size: tuple[int, int]) -> None:
    """Padding stays at the bottom and right; windows that are evenly spaced are those of the mirrored image."""
    image = noise(*size)
    found = probabilities_of(model, image, flips=flips)
    np.testing.assert_allclose(found, mirrored(model, image, flips), atol=1e-5)
    assert flips == "none" or np.abs(found - probabilities_of(model, image)).max() > 1e-3


def test_flips_see_each_image_in_all_their_views() -> None:
    """The logit of class 1 grows to the right, that of class 2 downwards: mirrored images take that away."""
    inputs = keras.Input((8, 8, 3), dtype="float32")
    ramp = np.stack(np.broadcast_arrays(0, np.arange(8)[None], np.arange(8)[:, None]), -1).astype(np.float32)
    model = keras.Model(inputs, inputs * 0 + ramp)
    image = np.zeros((8, 8, 3), np.float16)
    spread = {flips: probabilities_of(model, image, flips=flips) for flips in get_args(Flips)}
    for flips, right, down in (("horizontal", True, False), ("vertical", False, True), ("both", True, True)):
        found = spread[flips]
        assert np.allclose(found, found[:, ::-1], atol=1e-6) == right
        assert np.allclose(found, found[::-1], atol=1e-6) == down


@pytest.fixture(scope="module")
def others() -> list[keras.Model]:
    """Networks of the same classes with other sizes."""
    keras.utils.set_random_seed(5)
    config = ModelConfig(depth=1, width=4, stem=1, norm="none", se=False)
    return [build_model(config, shape, 4, 0) for shape in ((32, 16, 3), (8, 8, 3))]


@pytest.mark.parametrize("size", [(16, 24), (5, 6), (50, 41)])
def test_several_networks_are_the_mean_of_each_in_its_own_windows(
    model: keras.Model, others: list[keras.Model], size: tuple[int, int]
) -> None:
    image = noise(*size)
    each = [probabilities_of(one, image, flips="horizontal") for one in (model, *others)]
    found = probabilities_of([model, *others], image, flips="horizontal")
    assert found.shape == (*size, 4) and found.dtype == np.float32
    np.testing.assert_allclose(found, np.mean(each, axis=0), atol=1e-6)


def test_several_networks_read_each_image_once_and_keep_the_order(
    model: keras.Model, others: list[keras.Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An image waits for the networks that are behind, at most for a batch of windows."""
    monkeypatch.setattr(predict, "MOST_IMAGES", 2)
    sizes = [(16, 24), (9, 20), (33, 24), (16, 24), (5, 5), (8, 8), (16, 24)]
    read: list[int] = []

    def images() -> Iterator[Any]:
        for size in sizes:
            read.append(1)
            yield noise(*size)

    networks = [Network(one) for one in (model, *others)]
    for number, bands in enumerate(predict_probabilities(networks, images()), 1):
        found = np.concatenate([band for _, band in bands])
        np.testing.assert_allclose(found, probabilities_of([model, *others], noise(*sizes[number - 1])), atol=1e-5)
        assert len(read) <= number + 2
    assert len(read) == len(sizes)
