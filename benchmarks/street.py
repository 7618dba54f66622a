"""Generated street scenes of eleven classes, for measurements: large areas, and things of a few pixels.

    python -m benchmarks.street street.npz [--images 240] [--height 96] [--width 128]

A stand-in for photographs such as CamVid's (Brostow et al. 2009), whose classes these are.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.uint8]
Image = NDArray[np.uint8]
Random = np.random.Generator

CLASSES = (
    "sky", "building", "pole", "road", "pavement", "tree", "sign", "fence", "car", "pedestrian", "cyclist",
)  # fmt: skip
SKY, BUILDING, POLE, ROAD, PAVEMENT, TREE, SIGN, FENCE, CAR, PEDESTRIAN, CYCLIST = range(len(CLASSES))
# Mean colour of each class, and how far that of an image lies from it. Several classes look alike.
COLOURS = np.array(
    [(180, 195, 215), (120, 105, 95), (105, 105, 105), (90, 88, 92), (125, 118, 115), (75, 95, 65), (150, 120, 70),
     (100, 95, 85), (110, 95, 110), (95, 80, 85), (100, 90, 80)]
)  # fmt: skip
SPREAD = 35
NOISE = 14  # deviation of a pixel's values


def main() -> None:
    """Writes the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("--images", type=int, default=240)
    parser.add_argument("--height", type=int, default=96)
    parser.add_argument("--width", type=int, default=128)
    options = parser.parse_args()
    random = np.random.default_rng(0)
    masks = np.stack([draw_mask(random, options.height, options.width) for _ in range(options.images)])
    images = np.stack([paint(random, mask) for mask in masks])
    np.savez_compressed(options.output, images=images, masks=masks)


def draw_mask(random: Random, height: int, width: int) -> Mask:
    """A street seen along its course, (height, width): what is nearer is drawn later, lower and larger."""
    horizon, vanishing = int(height * random.uniform(0.35, 0.5)), int(width * random.uniform(0.3, 0.7))
    mask = np.full((height, width), SKY, np.uint8)
    mask[horizon:] = PAVEMENT
    for side in (-1, 1):
        _draw_row_of_houses(random, mask, horizon, vanishing, side)
    kerb = int(width * random.uniform(0.05, 0.25))
    corners = np.array([(kerb, height), (vanishing, horizon), (width - kerb, height)], np.int32)
    cv2.fillPoly(mask, [corners], ROAD)
    for distance in np.sort(random.uniform(0.08, 0.9, random.integers(6, 14))):
        _draw_thing(random, mask, horizon, vanishing, float(distance))
    return mask


def paint(random: Random, mask: Mask) -> Image:
    """An image of a mask, (height, width, 3): a colour for each class, shadows, texture, blur and noise."""
    colours = np.clip(COLOURS + random.normal(0, SPREAD, COLOURS.shape), 0, 255)
    image = colours[mask]
    shade = cv2.resize(random.normal(1, 0.2, (4, 5)), mask.shape[::-1], interpolation=cv2.INTER_CUBIC)
    texture = cv2.GaussianBlur(random.normal(0, 40, mask.shape), (0, 0), 1.5)
    texture[np.isin(mask, (SKY, ROAD, CAR))] *= 0.3
    image = cv2.GaussianBlur((image + texture[..., None]) * shade[..., None], (0, 0), 0.7)
    noisy: Image = np.clip(image + random.normal(0, NOISE, image.shape), 0, 255).astype(np.uint8)
    return noisy


def _draw_row_of_houses(random: Random, mask: Mask, horizon: int, vanishing: int, side: int) -> None:
    height, width = mask.shape
    position, top = 0 if side < 0 else width, random.uniform(0.0, 0.3) * horizon
    while side * (position - vanishing) > width * 0.06:
        following = int(position - side * width * random.uniform(0.08, 0.2))
        nearness = abs(position - vanishing) / width
        bottom = int(horizon + nearness * (height - horizon))
        kind = TREE if random.random() < 0.3 else BUILDING
        upper = int(horizon - (horizon - top) * min(1.0, nearness * 1.6 + 0.15) * random.uniform(0.7, 1.0))
        if kind == TREE:
            centre = ((position + following) // 2, (upper + horizon) // 2)
            cv2.ellipse(mask, centre, (abs(position - following) // 2 + 2, (bottom - upper) // 2), 0, 0, 360, TREE, -1)
        else:
            cv2.rectangle(mask, (position, upper), (following, bottom), BUILDING, -1)
        if random.random() < 0.4:
            low = horizon + int(nearness * (height - horizon) * 0.5)
            cv2.rectangle(mask, (position, low), (following, bottom), FENCE, -1)
        position = following


def _draw_thing(random: Random, mask: Mask, horizon: int, vanishing: int, distance: float) -> None:
    """A thing on the ground at a distance, 0 at the horizon to 1 at the bottom, which is its scale too."""
    height, width = mask.shape
    kind = int(random.choice([POLE, SIGN, CAR, CAR, PEDESTRIAN, CYCLIST]))
    foot = int(horizon + distance * (height - horizon))
    if kind in (CAR, CYCLIST):
        across = random.uniform(-0.35, 0.35)
    else:
        across = random.choice([-1, 1]) * random.uniform(0.4, 0.6)
    x, size = int(vanishing + across * width * distance * 1.4), distance * height
    if kind in (POLE, SIGN):
        thickness = max(1, int(size * 0.03))
        cv2.line(mask, (x, foot), (x, int(foot - size * 0.8)), POLE, thickness)
        if kind == SIGN:
            cv2.circle(mask, (x, int(foot - size * 0.75)), max(1, int(size * 0.09)), SIGN, -1)
    elif kind == CAR:
        half = int(size * 0.28)
        cv2.rectangle(mask, (x - half, foot - int(size * 0.22)), (x + half, foot), CAR, -1)
        cv2.rectangle(mask, (x - half * 2 // 3, foot - int(size * 0.36)), (x + half * 2 // 3, foot), CAR, -1)
    else:
        body = (max(1, int(size * (0.07 if kind == PEDESTRIAN else 0.1))), max(2, int(size * 0.2)))
        cv2.ellipse(mask, (x, foot - body[1]), body, 0, 0, 360, kind, -1)
        cv2.circle(mask, (x, foot - int(size * 0.42)), max(1, int(size * 0.05)), kind, -1)
        if kind == CYCLIST:
            cv2.ellipse(mask, (x, foot), (max(2, int(size * 0.2)), max(1, int(size * 0.08))), 0, 0, 360, kind, -1)


if __name__ == "__main__":
    main()
