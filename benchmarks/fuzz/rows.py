"""Reads every image and mask of a data set, and compares what headers say with what is read."""

from pathlib import Path

from trainer.data.disk.arrays import read_arrays
from trainer.data.disk.read import read_header, read_image, read_mask
from trainer.data.item import Picture, Reference, Row
from trainer.data.memory import within_memory


@within_memory()
def read_array_file(path: Path, require_masks: bool) -> None:
    """Reads an npz or npy file, row by row. Raises InputError."""
    arrays = read_arrays(path, require_masks)
    for images in (arrays.images, arrays.test_images):
        for index in range(len(images)):
            _read_image(Row(path, index, images))
    for index in range(len(arrays.images) if arrays.masks is not None else 0):
        assert arrays.masks is not None
        _read_mask(Row(path, index, arrays.masks))


@within_memory()
def read_pictures(folder: Path) -> None:
    """Reads the pictures of images/, test/ and masks/. Raises InputError."""
    for path in sorted(folder.glob("*/*")):
        if path.parent.name == "masks":
            _read_mask(Picture(path))
        else:
            _read_image(Picture(path))


def _read_image(reference: Reference) -> None:
    header, image = read_header(reference), read_image(reference)
    said = (header.height, header.width, header.channels, header.dtype)
    assert said == (*image.shape, image.dtype.name), f"a header says {said}, and the image is {image.shape}"


def _read_mask(reference: Reference) -> None:
    header, mask = read_header(reference), read_mask(reference)
    assert mask.values.shape == (header.height, header.width), f"a header says {header}: {mask.values.shape}"
    assert mask.values.dtype.kind in "iu" and (mask.kind != "palette" or mask.values.max() < len(mask.palette))
