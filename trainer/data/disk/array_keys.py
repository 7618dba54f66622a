"""Under which names images, masks and what belongs to them are saved in npz and npy files."""

from collections.abc import Collection, Iterator
from pathlib import Path

COURSE_KEY = "training_set"  # (N, 2, H, W): image and mask
# Images and masks; in any case of letters, and also as train_images, x_train and the like.
PAIRS = (
    ("images", "masks"),
    ("images", "labels"),
    ("image", "mask"),
    ("image", "label"),
    ("imgs", "masks"),
    ("imgs", "labels"),
    ("img", "mask"),
    ("img", "label"),
    ("x", "y"),
    ("data", "masks"),
    ("data", "labels"),
    ("data", "mask"),
    ("data", "label"),
    ("data", "target"),
    ("inputs", "targets"),
    ("inputs", "labels"),
    ("input", "target"),
    ("frames", "masks"),
)
PARTS = ("train", "training", "all")
TEST_KEYS = ("test_set", "test_images", "images_test", "x_test", "test_imgs", "imgs_test", "test_data", "test_x")
GROUP_KEYS = ("groups", "training_groups", "train_groups", "group")
NAME_KEYS = ("names", "image_names", "train_names")
TEST_NAME_KEYS = ("test_names",)


def find_pair(keys: Collection[str]) -> tuple[str, str] | None:
    """The keys of images and masks."""
    for image, mask in _spelled_pairs():
        found = find_key(keys, (image,)), find_key(keys, (mask,))
        if found[0] and found[1]:
            return found[0], found[1]
    return None


def find_images(keys: Collection[str]) -> str | None:
    """The key of images that have no masks."""
    return find_key(keys, tuple(image for image, _ in _spelled_pairs()))


def find_key(keys: Collection[str], wanted: tuple[str, ...]) -> str | None:
    """The first of the wanted keys, in any case of letters where there is none in its own."""
    lower = {key.lower(): key for key in sorted(keys)}
    for want in wanted:
        if want in keys:
            return want
        if want in lower:
            return lower[want]
    return None


def find_masks_file(images: Path) -> Path | None:
    """The npy file of masks beside one of images: masks.npy beside images.npy, y_train.npy beside x_train.npy."""
    beside = {path.stem: path for path in images.parent.glob("*.npy") if path != images}
    for image, mask in _spelled_pairs():
        if image == images.stem.lower() and (found := find_key(beside, (mask,))):
            return beside[found]
    return None


def _spelled_pairs() -> Iterator[tuple[str, str]]:
    """The pairs, plain ones first."""
    yield from PAIRS
    for part in PARTS:
        for image, mask in PAIRS:
            yield f"{part}_{image}", f"{part}_{mask}"
            yield f"{image}_{part}", f"{mask}_{part}"
