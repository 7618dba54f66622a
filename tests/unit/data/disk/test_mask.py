"""Masks as their files store them."""

import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.unit.data.disk.files import HEIGHT, WIDTH, bands, grey, make_png, png_chunk, refused, save, save_tiff
from trainer.data.disk.read import read_mask
from trainer.data.item import Picture, RawMask

COLOURS = np.array([[255, 0, 0], [0, 128, 0], [1, 2, 3]], np.uint8)
PACKED = np.array([0xFF0000, 0x008000, 0x010203])


def mask_of(path: Path) -> RawMask:
    return read_mask(Picture(path))


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif"])
def test_grey_values_are_the_labels(tmp_path: Path, name: str) -> None:
    mask = mask_of(save(tmp_path / name, grey(5)))
    assert mask.kind == "grey" and np.array_equal(mask.values, grey(5)) and mask.palette == ()


def test_of_a_gif_the_palette_has_the_grey_values(tmp_path: Path) -> None:
    """Writers order and shorten it as they like."""
    mask = mask_of(save(tmp_path / "a.gif", grey(5) * np.uint8(50)))
    assert mask.kind == "palette"
    assert np.array_equal(np.array(mask.palette)[mask.values], grey(5).astype(int) * 50 * 0x010101)


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif"])
def test_one_bit_is_0_and_255(tmp_path: Path, name: str) -> None:
    pixels = grey(2) * np.uint8(255)
    mask = mask_of(save(tmp_path / name, Image.fromarray(pixels).convert("1")))
    assert mask.kind == "grey" and mask.values.dtype == np.uint8 and np.array_equal(mask.values, pixels)


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.gif", "a.tif"])
def test_a_palette_picture_is_indices_and_colours(tmp_path: Path, name: str) -> None:
    picture = Image.fromarray(grey(3)).convert("P")
    picture.putpalette(COLOURS.ravel().tolist())
    mask = mask_of(save(tmp_path / name, picture))
    assert mask.kind == "palette" and np.array_equal(mask.values, grey(3))
    assert mask.palette[:3] == tuple(PACKED)


def test_indices_beyond_the_palette_are_black(tmp_path: Path) -> None:
    content = make_png(grey(6), 8, 3, png_chunk(b"PLTE", COLOURS.tobytes()))
    (tmp_path / "a.png").write_bytes(content)
    mask = mask_of(tmp_path / "a.png")
    assert np.array_equal(mask.values, grey(6)) and mask.palette == (*PACKED, 0, 0, 0)


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif", "a.webp"])
def test_colours_are_numbers(tmp_path: Path, name: str) -> None:
    options = {"lossless": True} if name == "a.webp" else {}
    mask = mask_of(save(tmp_path / name, COLOURS[grey(3)], **options))
    assert mask.kind == "colour" and np.array_equal(mask.values, PACKED[grey(3)])


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_alpha_is_dropped(tmp_path: Path, name: str) -> None:
    alpha = np.full((HEIGHT, WIDTH, 1), 7, np.uint8)
    mask = mask_of(save(tmp_path / name, np.concatenate([COLOURS[grey(3)], alpha], axis=2)))
    assert mask.kind == "colour" and np.array_equal(mask.values, PACKED[grey(3)])
    both = Image.fromarray(np.concatenate([grey(3)[..., None], alpha], axis=2), "LA")
    mask = mask_of(save(tmp_path / f"b{name}", both))
    assert mask.kind == "grey" and np.array_equal(mask.values, grey(3))


def test_a_colour_picture_of_greys_stays_of_colours(tmp_path: Path) -> None:
    mask = mask_of(save(tmp_path / "a.png", Image.fromarray(grey(5)).convert("RGB")))
    assert mask.kind == "colour" and np.array_equal(mask.values, grey(5).astype(int) * 0x010101)


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.int32, np.int8])
def test_wide_and_negative_labels_stay(tmp_path: Path, dtype: Any) -> None:
    labels = grey(5, dtype) - (0 if dtype == np.uint16 else 1)
    labels = labels * np.array(1 if dtype == np.int8 else 1000, dtype)
    mask = mask_of(save_tiff(tmp_path / "a.tif", labels))
    assert mask.kind == "grey" and np.array_equal(mask.values, labels)
    if dtype == np.uint16:
        assert np.array_equal(mask_of(save(tmp_path / "a.png", labels)).values, labels)


def test_whole_floats_are_labels_and_others_are_refused(tmp_path: Path) -> None:
    labels = grey(5, np.float32) - 1
    mask = mask_of(save_tiff(tmp_path / "a.tif", labels))
    assert np.array_equal(mask.values, labels) and mask.values.dtype == np.int32
    for value in (0.5, np.nan, np.inf, 1e20):
        labels[2, 3] = value
        refused(save_tiff(tmp_path / "b.tif", labels), re.escape(f"got {value:g} in"), mask=True)


def test_colours_of_16_bits_are_read_where_8_hold_them(tmp_path: Path) -> None:
    colours = COLOURS[grey(3)].astype(np.uint16) * 257
    cv2.imwrite(str(tmp_path / "a.png"), colours[..., ::-1])
    save_tiff(tmp_path / "a.tif", colours, photometric="rgb")
    for name in ("a.png", "a.tif"):
        assert np.array_equal(mask_of(tmp_path / name).values, PACKED[grey(3)])
    cv2.imwrite(str(tmp_path / "b.png"), colours + np.uint16(1))
    refused(tmp_path / "b.png", "a colour mask must have 8 bits a channel; got 16 bits", mask=True)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif"])
def test_jpeg_is_refused_whatever_the_suffix(tmp_path: Path, name: str) -> None:
    path = save(tmp_path / name, grey(5), format="JPEG")
    words = rf"labels must not be JPEG: it changes values; got \S*{name}; save them as PNG"
    refused(path, words, mask=True)


def test_lossy_webp_is_refused(tmp_path: Path) -> None:
    frames = [Image.fromarray(bands(3)), Image.fromarray(bands(3)[::-1])]
    for number, options in enumerate(({}, {"exif": b"Exif\0\0MM"}, {"save_all": True, "append_images": frames[1:]})):
        lossy = save(tmp_path / f"{number}.webp", frames[0], **options)
        refused(lossy, "labels must not be lossy WebP: it changes values; got ", mask=True)
        mask_of(save(tmp_path / f"{number}.png.webp", frames[0], lossless=True, **options))


def test_files_that_hold_labels_are_passed(tmp_path: Path) -> None:
    for name in ("a.png", "a.bmp", "a.gif", "a.tif"):
        mask_of(save(tmp_path / name, grey(5)))


def test_masks_of_many_bands_and_of_cmyk_are_refused(tmp_path: Path) -> None:
    path = save_tiff(tmp_path / "a.tif", bands(5), photometric="minisblack", planarconfig="contig")
    refused(path, "a mask must be grey, RGB or a palette picture; got 5 bands in ", mask=True)
    cmyk = save(tmp_path / "b.tif", Image.new("CMYK", (WIDTH, HEIGHT)))
    refused(cmyk, "a mask must be grey, RGB or a palette picture; got mode CMYK in ", mask=True)


def test_masks_are_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    assert np.array_equal(mask_of(save(tmp_path / "a.png", grey(5), exif=exif)).values, np.rot90(grey(5), -1))
    path = save(tmp_path / "a.tif", grey(5), tiffinfo={274: 8})
    assert np.array_equal(mask_of(path).values, np.rot90(grey(5)))
