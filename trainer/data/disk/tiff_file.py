"""An open TIFF: what its tags say of the image, before pixels are decoded."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tifffile import TiffFile, TiffPage, TiffPageSeries

from trainer.data.disk.palette import Palette, is_grey, pack_colours
from trainer.data.disk.refusal import refusing
from trainer.data.disk.upright import upright_size
from trainer.data.item import Header
from trainer.errors import InputError, printable

MAX_BANDS = 16
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE = range(4)  # the tag photometric; others are other colour spaces
PLAIN, DEFLATE = 1, (8, 32946)  # the tag compression, as far as tifffile reads it without more packages
_DIFFERENCE = 2  # the tag predictor: to the left neighbour
_BITS = (1, 8, 16, 32, 64)
_ORIENTATION = 274
_ALPHA = (1, 2)  # of the tag extrasamples

# What is wrong with a file is said by an InputError; notes on odd tags would reach the terminal.
for _name in ("tifffile", "PIL.TiffImagePlugin"):
    logging.getLogger(_name).setLevel(logging.CRITICAL + 1)


@dataclass(frozen=True)
class Tiff:
    """An open TIFF."""

    path: Path
    page: TiffPage  # the first
    series: TiffPageSeries | None  # of pages that are bands
    palette: Palette  # empty where there is none
    orientation: int
    header: Header  # without alpha


@contextmanager
def open_tiff(path: Path) -> Iterator[Tiff]:
    """Opens a TIFF; every failure within is an InputError of one line."""
    # Metadata may name other files, which are not followed.
    with refusing(path), TiffFile(path, _multifile=False) as file:
        page = file.pages.first
        if not isinstance(page, TiffPage):
            raise ValueError("it has no page")
        series = _find_bands(file)
        orientation = _read_orientation(page)
        palette = _read_palette(page)
        yield Tiff(path, page, series, palette, orientation, _make_header(page, series, palette, orientation, path))


def _find_bands(file: TiffFile) -> TiffPageSeries | None:
    """The first series, if its pages are bands of one image: metadata call them channels, or one array of few."""
    if len(file.pages) < 2 and not file.is_imagej:
        return None
    series = file.series[0]
    pages = series.shape[0] if series.axes[1:] == "YX" else 0
    is_channels = series.axes[:1] == "C" or (series.axes[:1] == "Q" and file.is_shaped)
    return series if 2 <= pages <= MAX_BANDS and is_channels else None


def _read_orientation(page: TiffPage) -> int:
    value = page.tags.valueof(_ORIENTATION, 1)
    return int(value) if isinstance(value, int) else 1


def _read_palette(page: TiffPage) -> Palette:
    """The palette: 16 bits a channel, of which some writers use the lower 8."""
    if page.photometric != PALETTE:
        return ()
    if page.colormap is None or page.colormap.ndim != 2 or len(page.colormap) != 3:
        raise ValueError("its palette is missing")
    colours = page.colormap if page.colormap.max(initial=0) < 256 else page.colormap >> 8
    return tuple(int(colour) for colour in pack_colours(colours.T))


def _make_header(
    page: TiffPage, series: TiffPageSeries | None, palette: Palette, orientation: int, path: Path
) -> Header:
    dtype = page.dtype
    if dtype is None or dtype.kind not in "biuf" or page.axes not in ("YX", "YXS", "SYX") or 0 in page.shape:
        raise ValueError(f"its pixels are {dtype} of shape {page.shape}, {page.axes}")
    samples = 1 if page.axes == "YX" else page.shape[page.axes.index("S")]
    if palette:
        channels = 1 if is_grey(palette) else 3
    else:
        channels = series.shape[0] if series is not None else samples - _has_alpha(page, samples)
    if channels > MAX_BANDS:
        raise InputError(
            f"an image must have 1 to {MAX_BANDS} bands; got {channels} in {printable(path)}; keep those that matter"
        )
    height, width = upright_size(page.imagelength, page.imagewidth, orientation)
    plain = "uint8" if palette or dtype.kind == "b" or _bits(page) < 8 else dtype.name
    return Header(height, width, channels, plain)


def _has_alpha(page: TiffPage, samples: int) -> bool:
    """Whether the last sample is alpha: of RGB the fourth, whatever its tag says; of grey as its tag says."""
    if page.photometric == RGB:
        return samples == 4
    return samples == 2 and tuple(page.extrasamples)[:1] in [(alpha,) for alpha in _ALPHA]


def _bits(page: TiffPage) -> int:
    return page.bitspersample if isinstance(page.bitspersample, int) else 0


def is_known(page: TiffPage) -> bool:
    """Whether the colour space needs no conversion."""
    return page.photometric in (WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE)


def is_decoded_here(page: TiffPage) -> bool:
    """Whether tifffile decodes it without more packages."""
    plain = page.compression == PLAIN or page.compression in DEFLATE
    return is_known(page) and plain and page.predictor in (1, _DIFFERENCE) and _bits(page) in _BITS
