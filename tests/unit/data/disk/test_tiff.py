"""TIFF files: bands, pages, palettes, bits and compression, and that headers say what is read."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps

from tests.unit.data.disk.files import HEIGHT, WIDTH, bands, grey, read, refused, save, save_tiff


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.int32, np.uint32, np.float16, np.float32])
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_every_dtype_stays(tmp_path: Path, dtype: Any, compression: str | None, order: Any) -> None:
    pixels = grey(200, dtype)
    path = save_tiff(tmp_path / "a.tif", pixels, compression=compression, byteorder=order)
    assert read(path).dtype == dtype and np.array_equal(read(path)[..., 0], pixels)


def test_a_difference_to_the_left_is_undone(tmp_path: Path) -> None:
    pixels = bands(5, np.uint16)
    options = {"compression": "zlib", "predictor": True, "photometric": "minisblack", "planarconfig": "contig"}
    assert np.array_equal(read(save_tiff(tmp_path / "a.tif", pixels, **options)), pixels)


@pytest.mark.parametrize("count", [2, 3, 4, 5, 16])
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_all_bands_are_read(tmp_path: Path, count: int, planar: str) -> None:
    pixels = bands(count, np.float32)
    stored = pixels if planar == "contig" else np.moveaxis(pixels, -1, 0)
    path = save_tiff(tmp_path / "a.tif", stored, photometric="minisblack", planarconfig=planar)
    assert np.array_equal(read(path), pixels)


def test_more_than_16_bands_are_refused(tmp_path: Path) -> None:
    path = save_tiff(tmp_path / "a.tif", bands(17), photometric="minisblack", planarconfig="contig")
    refused(path, "an image must have 1 to 16 bands; got 17 in ")


@pytest.mark.parametrize("extra", [None, "unspecified", "assocalpha", "unassalpha"])
def test_of_rgb_the_fourth_sample_is_alpha_whatever_its_tag_says(tmp_path: Path, extra: str | None) -> None:
    options = {} if extra is None else {"extrasamples": [extra]}
    path = save_tiff(tmp_path / "a.tif", bands(4), photometric="rgb", **options)
    assert np.array_equal(read(path), bands(4)[..., :3])


def test_of_grey_the_second_sample_is_alpha_where_its_tag_says_so(tmp_path: Path) -> None:
    options = {"photometric": "minisblack", "planarconfig": "contig", "extrasamples": ["unassalpha"]}
    assert np.array_equal(read(save_tiff(tmp_path / "a.tif", bands(2), **options)), bands(2)[..., :1])


@pytest.mark.parametrize(
    "options", [{}, {"imagej": True, "metadata": {"axes": "CYX"}}, {"ome": True, "metadata": {"axes": "CYX"}}]
)
def test_pages_that_are_channels_become_bands(tmp_path: Path, options: dict[str, Any]) -> None:
    pixels = bands(5)
    path = save_tiff(tmp_path / "a.tif", np.moveaxis(pixels, -1, 0), photometric="minisblack", **options)
    assert np.array_equal(read(path), pixels)


def test_of_other_pages_the_first_is_read(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for seed in range(3):
            file.write(grey(seed=seed), metadata=None)
    assert np.array_equal(read(tmp_path / "a.tif")[..., 0], grey(seed=0))
    volume = np.stack([grey(seed=seed) for seed in range(3)])
    path = save_tiff(tmp_path / "b.tif", volume, imagej=True, metadata={"axes": "ZYX"})
    assert np.array_equal(read(path)[..., 0], grey(seed=0))


def test_smaller_copies_after_the_image_are_passed(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(bands(3), photometric="rgb", subifds=1)
        file.write(bands(3)[::2, ::2], photometric="rgb", subfiletype=1)
    assert np.array_equal(read(tmp_path / "a.tif"), bands(3))


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_tiles_are_joined(tmp_path: Path, compression: str | None) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    path = save_tiff(tmp_path / "a.tif", pixels, photometric="rgb", tile=(16, 16), compression=compression)
    assert np.array_equal(read(path), pixels)


def test_a_palette_has_16_bits_a_channel(tmp_path: Path) -> None:
    colours = np.zeros((3, 256), np.uint16)
    colours[:, :3] = np.array([[255, 0, 0], [0, 128, 0], [1, 2, 3]]).T * 257
    path = save_tiff(tmp_path / "a.tif", grey(3), photometric="palette", colormap=colours)
    assert np.array_equal(read(path), (colours.T[:, :] >> 8).astype(np.uint8)[grey(3)])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_where_white_is_zero_values_are_inverted(tmp_path: Path, dtype: Any) -> None:
    pixels = grey(200, dtype)
    path = save_tiff(tmp_path / "a.tif", pixels, photometric="miniswhite")
    assert np.array_equal(read(path)[..., 0], np.iinfo(dtype).max - pixels)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("compression", [None, "tiff_lzw"])
def test_the_orientation_is_obeyed(tmp_path: Path, orientation: int, compression: str | None) -> None:
    path = save(tmp_path / "a.tif", bands(3), tiffinfo={274: orientation}, compression=compression)
    upright = save(tmp_path / "b.jpg", bands(3), exif=Image.Exif(), quality=95)
    with Image.open(upright) as picture:
        picture.getexif()[0x0112] = orientation
        size = ImageOps.exif_transpose(picture).size
    operations: dict[int, Any] = {
        1: lambda pixels: pixels, 2: np.fliplr, 3: lambda pixels: np.rot90(pixels, 2), 4: np.flipud,
        5: lambda pixels: pixels.swapaxes(0, 1), 6: lambda pixels: np.rot90(pixels, -1),
        7: lambda pixels: np.rot90(pixels.swapaxes(0, 1), 2), 8: np.rot90,
    }  # fmt: skip
    assert read(path).shape[:2] == size[::-1] and np.array_equal(read(path), operations[orientation](bands(3)))


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "RGBA", "I;16", "I", "F", "P"])
@pytest.mark.parametrize("compression", ["tiff_lzw", "packbits", "tiff_adobe_deflate"])
def test_what_pillow_compresses_is_as_what_it_does_not(tmp_path: Path, mode: str, compression: str) -> None:
    picture = Image.fromarray(grey(200, np.uint16)) if mode == "I;16" else Image.fromarray(bands(3)).convert(mode)
    plain, packed = save(tmp_path / "a.tif", picture), save(tmp_path / "b.tif", picture, compression=compression)
    assert np.array_equal(read(packed), read(plain))


def test_jpeg_in_tiff_is_an_image(tmp_path: Path) -> None:
    path = save(tmp_path / "a.tif", np.full((64, 64, 3), 90, np.uint8), compression="jpeg")
    assert read(path).shape == (64, 64, 3) and abs(read(path).astype(int) - 90).max() < 4
    refused(path, r"labels must not be JPEG: it changes values; got \S*a.tif; save them as PNG", mask=True)


def test_cmyk_becomes_rgb(tmp_path: Path) -> None:
    picture = Image.new("CMYK", (WIDTH, HEIGHT), (0, 0, 0, 55))
    assert (read(save(tmp_path / "a.tif", picture)) == 200).all()


def test_a_codec_that_would_lose_bits_is_refused(tmp_path: Path) -> None:
    """Pillow reads 8 bits of such a file."""
    with Image.open(save(tmp_path / "a.tif", bands(3), compression="tiff_lzw")) as picture:
        assert picture.size == (WIDTH, HEIGHT)
    whole = save_tiff(tmp_path / "b.tif", bands(3, np.uint16), photometric="rgb", compression="zlib").read_bytes()
    place = whole.index(b"\x03\x01\x03\0\x01\0\0\0") + 8  # of the tag compression
    (tmp_path / "c.tif").write_bytes(whole[:place] + b"\x05\0" + whole[place + 2 :])
    refused(tmp_path / "c.tif", "(must be uncompressed or deflated; got LZW in |must be readable; )")


def test_a_truncated_tiff_is_refused(tmp_path: Path) -> None:
    for name, options in (("plain", {}), ("deflated", {"compression": "zlib"}), ("tiled", {"tile": (16, 16)})):
        noise = np.random.default_rng(0).integers(0, 256, (100, 100), np.uint8)
        whole = save_tiff(tmp_path / name, noise, **options).read_bytes()
        (tmp_path / f"{name}.tif").write_bytes(whole[:-500])
        refused(tmp_path / f"{name}.tif", "an image must be readable; got .*: it is truncated; replace it")


def test_a_strip_that_unpacks_to_far_more_than_its_size_is_refused(tmp_path: Path) -> None:
    """256 MiB of zeros, in a file that declares an image of 300 rows."""
    whole = save_tiff(tmp_path / "a.tif", np.zeros((2**14, 2**14), np.uint8), compression="zlib", rowsperstrip=2**14)
    with tifffile.TiffFile(whole) as file:
        tags = [file.pages[0].tags[code] for code in (257, 278)]  # length, and rows in a strip
        places = [tag.valueoffset for tag in tags]
    content = bytearray(whole.read_bytes())
    for place in places:
        content[place : place + 2] = (300).to_bytes(2, "little")
    (tmp_path / "b.tif").write_bytes(content)
    refused(tmp_path / "b.tif", "it unpacks to more than its size; replace it")


def test_a_size_beyond_memory_is_refused_before_it_is_allocated(tmp_path: Path) -> None:
    whole = save_tiff(tmp_path / "a.tif", np.zeros((16, 16), np.uint8), compression="zlib", tile=(16, 16))
    with tifffile.TiffFile(whole) as file:
        places = [file.pages[0].tags[code].valueoffset for code in (256, 257)]
    content = bytearray(whole.read_bytes())
    for place in places:
        content[place : place + 2] = (65_520).to_bytes(2, "little")
    (tmp_path / "b.tif").write_bytes(content)
    refused(tmp_path / "b.tif", "(must fit in memory; got 12.0 GiB|it has 1 strips or tiles of 16769025)")


def test_odd_tags_are_not_told_to_the_terminal(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    whole = save_tiff(tmp_path / "a.tif", grey(), description="x" * 40).read_bytes()
    (tmp_path / "b.tif").write_bytes(whole.replace(b"x" * 40, b"\xff" * 40))
    with caplog.at_level(logging.WARNING):
        assert np.array_equal(read(tmp_path / "b.tif")[..., 0], grey())
    assert not caplog.records
