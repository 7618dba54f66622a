"""A generated Mars-like data set, so that a first search needs no download.

Classes differ by texture more than by brightness: soil is grainy with pebbles, bedrock is slabs parted by dark cracks,
sand is rippled, and a big rock is a bright body with a shadow. Light, exposure, haze and scale belong to the place of a
group of images, so that brightness alone does not separate the classes. As in the course's data, label 0 is
background: pixels without annotation.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.data.disk.arrays import write_npz
from trainer.data.pixels import Pixels

Plane = NDArray[np.float32]  # (H, W)

_HEIGHT, _WIDTH = 64, 128
_SOIL, _BEDROCK, _SAND, _ROCK = 1, 2, 3, 4
_PLACES_PER_IMAGE = 0.15  # groups have about seven images
_ROCK_PROBABILITY = 0.18  # that an image shows big rocks


@dataclass(frozen=True)
class _Place:
    """What the images of one group share."""

    exposure: float  # mean brightness, 0..255
    contrast: float  # factor on textures
    light: float  # direction of the sun, radians
    wind: float  # direction of ripples, radians
    grain: float  # size of textures, a factor
    abundance: tuple[float, float, float]  # of soil, bedrock and sand, as offsets of their noise fields
    tones: tuple[float, float, float]  # brightness of each, added to the exposure
    haze: float  # standard deviation of the blur, in pixels


def write_sample(path: Path, images: int = 400, test_images: int = 60, seed: int = 0) -> Path:
    """Writes an npz file in the course's format, 64x128 grey, five classes, and returns its path. Raises InputError."""
    random = np.random.default_rng(seed)
    pictures, masks, groups = _draw_images(random, images)
    tests, _, _ = _draw_images(random, test_images)
    arrays = {"training_set": np.stack([pictures, masks], axis=1), "test_set": tests, "training_groups": groups}
    return write_npz(path, arrays)


def _draw_images(random: np.random.Generator, count: int) -> tuple[Pixels, Pixels, NDArray[np.str_]]:
    """Images and masks (count, H, W), and the name of each one's place, (count,)."""
    places = [_draw_place(random) for _ in range(max(2, round(count * _PLACES_PER_IMAGE)))]
    images = np.empty((count, _HEIGHT, _WIDTH), np.uint8)
    masks = np.empty_like(images)
    chosen = np.sort(random.integers(0, len(places), count))
    for index, place in enumerate(chosen):
        images[index], masks[index] = _draw_image(random, places[place])
    return images, masks, np.array([f"place{place:03d}" for place in chosen], np.str_)


def _draw_place(random: np.random.Generator) -> _Place:
    abundance, tones = random.normal((0.15, 0.25, -0.55), 0.75), random.normal((0, 6, -2), 9)
    return _Place(
        exposure=random.uniform(50, 120),
        contrast=random.uniform(0.7, 1.5),
        light=random.uniform(0, 2 * np.pi),
        wind=random.uniform(-0.5, 0.5),
        grain=random.uniform(0.8, 1.5),
        abundance=(abundance[0], abundance[1], abundance[2]),
        tones=(tones[0], tones[1], tones[2]),
        haze=random.uniform(0.3, 0.75),
    )


def _draw_image(random: np.random.Generator, place: _Place) -> tuple[Pixels, Pixels]:
    """One image and its mask, (H, W)."""
    fields = [_noise(random, 44) + 0.16 * _noise(random, 9) + offset for offset in place.abundance]
    labels = (np.argmax(fields, axis=0) + 1).astype(np.uint8)
    ordered = np.sort(fields, axis=0)
    near = ordered[-1] - ordered[-2]  # 0 on the boundary between two classes
    ground = np.zeros((_HEIGHT, _WIDTH), np.float32)
    textures = (_soil(random, place), _bedrock(random, place), _sand(random, place))
    for kind, (texture, tone) in enumerate(zip(textures, place.tones, strict=True), start=1):
        cover = cv2.GaussianBlur((labels == kind).astype(np.float32), (0, 0), 0.9)
        ground += cover * (texture * place.contrast + tone)
    ground += place.exposure + 9 * _noise(random, 50) + _gradient(place.light) * random.uniform(5, 18)
    mask = np.where(near < random.uniform(0.0, 0.09), 0, labels).astype(np.uint8)
    if random.random() < _ROCK_PROBABILITY:
        for _ in range(random.integers(1, 3)):
            _draw_rock(random, place, ground, mask)
    _draw_background(random, ground, mask)
    ground = cv2.GaussianBlur(ground, (0, 0), place.haze) + random.normal(0, 2.5, ground.shape)
    return np.clip(ground, 0, 255).round().astype(np.uint8), mask


def _noise(random: np.random.Generator, size: float) -> Plane:
    """Smooth noise with mean 0, standard deviation 1 and blobs of `size` pixels."""
    margin = int(3 * size)
    values = random.standard_normal((_HEIGHT // 4 + margin, _WIDTH // 4 + margin)) if size >= 12 else None
    if values is not None:  # coarse noise is drawn small and enlarged, which is faster
        small = cv2.GaussianBlur(values.astype(np.float32), (0, 0), size / 12)
        field = cv2.resize(small[: _HEIGHT // 4, : _WIDTH // 4], (_WIDTH, _HEIGHT), interpolation=cv2.INTER_CUBIC)
    else:
        field = cv2.GaussianBlur(random.standard_normal((_HEIGHT, _WIDTH)).astype(np.float32), (0, 0), size / 3)
    return np.asarray((field - field.mean()) / (field.std() + 1e-6), np.float32)


def _soil(random: np.random.Generator, place: _Place) -> Plane:
    """Soil: fine grain with pebbles, each bright on one side."""
    pebbles = np.maximum(_noise(random, 3.4 * place.grain) - 1.5, 0)
    grains = 5 * _noise(random, 1.5) + 3 * _noise(random, 12)
    return np.asarray(grains + 26 * pebbles - 20 * _shift(pebbles, place.light, 2), np.float32)


def _bedrock(random: np.random.Generator, place: _Place) -> Plane:
    """Bedrock: slabs of different tone between dark cracks that are bright on one edge."""
    bent = _noise(random, 13 * place.grain) + 0.4 * _noise(random, 6)
    cracks = np.exp(-((bent / 0.16) ** 2)) + np.exp(-(((_noise(random, 16) + 0.3 * bent) / 0.13) ** 2))
    slabs = np.sign(bent) * 5 + 3 * _noise(random, 5)
    return np.asarray(slabs - 24 * cracks + 13 * _shift(cracks, place.light, 2) + 2 * _noise(random, 1.5), np.float32)


def _sand(random: np.random.Generator, place: _Place) -> Plane:
    """Sand: ripples across the wind, closer together with distance, on smooth ground."""
    rows, columns = np.mgrid[0:_HEIGHT, 0:_WIDTH].astype(np.float32)
    depth = (rows + 24) / _HEIGHT
    along = 24 * np.log(depth) * np.cos(place.wind) + columns * 0.25 * np.sin(place.wind)
    ripples = np.sin(2 * np.pi * along / (3.2 * place.grain) + 1.1 * _noise(random, 24))
    return np.asarray(5.5 * ripples + 4 * _noise(random, 40) + 1.2 * _noise(random, 1.5), np.float32)


def _gradient(direction: float) -> Plane:
    """Brightness that falls across the image, about -1..1."""
    rows, columns = np.mgrid[-1 : 1 : _HEIGHT * 1j, -1 : 1 : _WIDTH * 1j]
    return np.asarray((np.cos(direction) * columns + np.sin(direction) * rows) / 1.5, np.float32)


def _shift(plane: NDArray[np.floating], direction: float, pixels: float) -> Plane:
    """The plane shifted away from the light."""
    matrix = np.array([[1, 0, np.cos(direction) * pixels], [0, 1, np.sin(direction) * pixels]], np.float32)
    moved = cv2.warpAffine(plane.astype(np.float32), matrix, (_WIDTH, _HEIGHT), borderMode=cv2.BORDER_REFLECT)
    return np.asarray(moved, np.float32)


def _draw_rock(random: np.random.Generator, place: _Place, ground: Plane, mask: Pixels) -> None:
    """Draws a big rock with its shadow into the image and the mask, in place."""
    centre, radius = random.uniform((14, 8), (114, 54)), random.uniform(3.5, 10)
    angles = np.linspace(0, 2 * np.pi, 11, endpoint=False)
    reach = radius * random.uniform(0.75, 1.2, len(angles))
    outline = centre + np.stack([1.35 * reach * np.cos(angles), 0.85 * reach * np.sin(angles)], axis=1)
    body = np.zeros((_HEIGHT, _WIDTH), np.uint8)
    cv2.fillPoly(body, [outline.round().astype(np.int32)], 1)
    inside = body > 0
    shadow = _shift(body.astype(np.float32), place.light, 0.8 * radius)
    ground -= np.where(inside, 0, shadow * 0.5 * np.maximum(ground - 15, 0))
    rows, columns = np.mgrid[0:_HEIGHT, 0:_WIDTH]
    side = (np.cos(place.light) * (columns - centre[0]) + np.sin(place.light) * (rows - centre[1])) / radius
    facets = np.round(-side * 1.6 + 0.7 * _noise(random, 5)) / 1.6  # flat faces, brighter towards the sun
    brightness = place.exposure + 30 * facets + 6 * _noise(random, 3) + random.uniform(5, 30)
    ground[inside] = brightness[inside]
    mask[inside] = _ROCK


def _draw_background(random: np.random.Generator, ground: Plane, mask: Pixels) -> None:
    """Sets to background what people do not annotate: the left edge, patches, and parts of the vehicle, in place."""
    mask[:, : random.integers(1, 3)] = 0
    mask[_noise(random, 28) > random.uniform(0.8, 2.2)] = 0
    if random.random() < 0.2:
        corner = np.array([[_WIDTH, _HEIGHT], [_WIDTH - random.integers(20, 55), _HEIGHT]])
        top = np.array([[_WIDTH - random.integers(8, 22), random.integers(15, 40)], [_WIDTH, random.integers(10, 35)]])
        deck = np.zeros((_HEIGHT, _WIDTH), np.uint8)
        cv2.fillPoly(deck, [np.vstack([corner, top]).astype(np.int32)], 1)
        inside = deck > 0
        metal = random.uniform(20, 150) + 40 * np.sign(_noise(random, 8)) * (_noise(random, 6) > 0.3)
        ground[inside] = metal[inside]
        mask[inside] = 0
