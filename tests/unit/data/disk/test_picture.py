"""Pictures that Pillow reads: their pixels, and that headers say the same."""

import io
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from tests.unit.data.disk.files import HEIGHT, WIDTH, bands, grey, make_png, png_chunk, read, refused, save
from trainer.data.disk.read import read_header, read_image
from trainer.data.item import Picture


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.gif", "a.tif", "a.PNG"])
def test_a_grey_picture_has_one_channel(tmp_path: Path, name: str) -> None:
    assert np.array_equal(read(save(tmp_path / name, grey())), grey()[..., None])


@pytest.mark.parametrize(("name", "options"), [("a.png", {}), ("a.bmp", {}), ("a.webp", {"lossless": True})])
def test_a_colour_picture_has_three(tmp_path: Path, name: str, options: dict[str, Any]) -> None:
    assert np.array_equal(read(save(tmp_path / name, bands(3), **options)), bands(3))


@pytest.mark.parametrize(("name", "mode"), [("a.jpg", "L"), ("a.jpg", "RGB"), ("a.webp", "RGB"), ("a.jpg", "CMYK")])
def test_a_lossy_picture_is_nearly_itself(tmp_path: Path, name: str, mode: str) -> None:
    path = save(tmp_path / name, Image.new("RGB", (WIDTH, HEIGHT), (200, 200, 200)).convert(mode), quality=95)
    pixels = read(path)
    assert pixels.shape == (HEIGHT, WIDTH, 1 if mode == "L" else 3) and abs(pixels.astype(int) - 200).max() < 8


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_alpha_is_dropped_and_not_applied(tmp_path: Path, name: str, mode: str) -> None:
    pixels = bands(len(mode))
    assert np.array_equal(read(save(tmp_path / name, Image.fromarray(pixels, mode))), pixels[..., :-1])


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif"])
def test_one_bit_is_0_and_255(tmp_path: Path, name: str) -> None:
    pixels = grey(2) * np.uint8(255)
    assert np.array_equal(read(save(tmp_path / name, Image.fromarray(pixels).convert("1")))[..., 0], pixels)


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.gif", "a.tif"])
def test_a_palette_picture_has_the_palettes_colours(tmp_path: Path, name: str) -> None:
    picture = Image.fromarray(grey(3)).convert("P")
    picture.putpalette([255, 0, 0, 0, 128, 0, 1, 2, 3])
    colours = np.array([[255, 0, 0], [0, 128, 0], [1, 2, 3]], np.uint8)
    assert np.array_equal(read(save(tmp_path / name, picture)), colours[grey(3)])


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.gif", "a.tif"])
def test_a_palette_of_greys_is_grey(tmp_path: Path, name: str) -> None:
    picture = Image.fromarray(grey(3)).convert("P")
    picture.putpalette([9, 9, 9, 200, 200, 200, 30, 30, 30])
    assert np.array_equal(read(save(tmp_path / name, picture))[..., 0], np.array([9, 200, 30])[grey(3)])


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_sixteen_bits_stay(tmp_path: Path, name: str) -> None:
    pixels = grey(65_536, np.uint16)
    assert np.array_equal(read(save(tmp_path / name, pixels))[..., 0], pixels)


@pytest.mark.parametrize("count", [3, 4])
def test_sixteen_bits_of_colours_stay(tmp_path: Path, count: int) -> None:
    """Pillow would keep eight of them."""
    pixels = bands(count, np.uint16) * 300
    cv2.imwrite(str(tmp_path / "a.png"), pixels[..., [2, 1, 0, 3][:count]])
    assert np.array_equal(read(tmp_path / "a.png"), pixels[..., :3])


def test_sixteen_bits_of_grey_with_alpha_stay(tmp_path: Path) -> None:
    pixels = bands(2, np.uint16) * 300
    (tmp_path / "a.png").write_bytes(make_png(pixels.astype(">u2"), bits=16, colour=4))
    assert np.array_equal(read(tmp_path / "a.png"), pixels[..., :1])


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp"])
def test_exifs_orientation_is_obeyed(tmp_path: Path, name: str, orientation: int) -> None:
    path = save(tmp_path / name, bands(3), exif=exif(orientation))
    with Image.open(path) as picture:
        upright = np.asarray(ImageOps.exif_transpose(picture).convert("RGB"))
    assert np.array_equal(read(path), upright)


def test_exif_after_the_pixels_is_obeyed(tmp_path: Path) -> None:
    whole = save(tmp_path / "a.png", grey()).read_bytes()
    (tmp_path / "b.png").write_bytes(whole[:-12] + png_chunk(b"eXIf", exif(6).tobytes()[6:]) + whole[-12:])
    assert np.array_equal(read(tmp_path / "b.png")[..., 0], np.rot90(grey(), -1))


def test_damaged_exif_is_as_none(tmp_path: Path) -> None:
    whole = save(tmp_path / "a.png", grey()).read_bytes()
    (tmp_path / "b.png").write_bytes(whole[:33] + png_chunk(b"eXIf", b"MM\0\x2a\xff\xff\xff") + whole[33:])
    assert np.array_equal(read(tmp_path / "b.png")[..., 0], grey())


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.png"])
def test_of_an_animation_the_first_frame_is_read(tmp_path: Path, name: str) -> None:
    options = {"lossless": True} if name == "a.webp" else {}
    first, second = Image.fromarray(grey(seed=1)), Image.fromarray(grey(seed=2))
    path = save(tmp_path / name, first, save_all=True, append_images=[second], **options)
    assert np.array_equal(read(path)[..., 0], grey(seed=1))


def test_the_content_counts_and_not_the_suffix(tmp_path: Path) -> None:
    assert np.array_equal(read(save(tmp_path / "a.png", grey(), format="TIFF"))[..., 0], grey())
    assert np.array_equal(read(save(tmp_path / "a.tif", grey(), format="PNG"))[..., 0], grey())


@pytest.mark.parametrize("kind", ["EPS", "PPM", "JPEG2000"])
def test_other_formats_are_refused(tmp_path: Path, kind: str) -> None:
    """Pillow would run Ghostscript for EPS."""
    refused(save(tmp_path / "a.png", grey(), format=kind), "an image must be readable; got .*a.png: cannot identify")


def test_a_header_needs_no_pixels(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (300, 400), np.uint8)
    for kind in ("PNG", "JPEG", "BMP", "GIF", "TIFF"):
        whole = save(tmp_path / "whole", noise, format=kind).read_bytes()
        (tmp_path / "cut").write_bytes(whole[:-5_000])
        assert read_header(Picture(tmp_path / "cut")).width == 400


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP"])
def test_a_truncated_picture_is_refused(tmp_path: Path, kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (100, 100, 3), np.uint8)
    whole = save(tmp_path / "whole", Image.fromarray(noise).convert("L"), format=kind).read_bytes()
    for share in (0.0, 0.01, 0.5, 0.95):
        (tmp_path / "cut").write_bytes(whole[: int(len(whole) * share)])
        refused(tmp_path / "cut", "an image must be readable; got .*cut: ")


def test_a_decompression_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "a.png", grey())
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", HEIGHT * WIDTH - 1)
    refused(path, "an image must have fewer pixels; got .*a.png: .*make it smaller")


def test_a_line_of_an_error_is_printable(tmp_path: Path) -> None:
    (tmp_path / "a\n\x1b.png").write_bytes(b"hello")
    refused(tmp_path / "a\n\x1b.png", r"an image must be readable; got \S*/a\\n\\x1b.png: ")


def test_warnings_of_decoders_are_silent(tmp_path: Path) -> None:
    """Pytest would raise them."""
    content = io.BytesIO()
    picture = Image.fromarray(grey(3)).convert("P")
    picture.putpalette([0, 0, 0, 9, 9, 9, 8, 8, 8])
    picture.save(content, "PNG", transparency=b"\0\x80\xff")
    (tmp_path / "a.png").write_bytes(content.getvalue())
    assert read_image(Picture(tmp_path / "a.png")).shape == (HEIGHT, WIDTH, 1)
