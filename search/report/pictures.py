"""A trial's pictures from the artifact store, scaled down and embedded in the page."""

import base64
import warnings
from io import BytesIO
from itertools import islice

from optuna.trial import FrozenTrial
from PIL import Image

from search.log import log_event, one_line
from storage.artifacts.interface import Artifacts
from storage.artifacts.pictures import list_pictures

MAX_WIDTH_PX = 900
WEBP_QUALITY = 75

# Artifacts come from whoever may write to the study: limits of what one page may cost.
MAX_PICTURES = 12  # of a trial, which has three of its own
MAX_BYTES = 1 << 24  # of a picture's file
MAX_PIXELS = 1 << 25  # of a picture, 100 MB as RGB
FORMATS = ("PNG", "JPEG", "GIF", "WEBP")  # for others Pillow may run programs, as Ghostscript for EPS


def embed_pictures(trial: FrozenTrial, artifacts: Artifacts) -> dict[str, str]:
    """The trial's pictures as data: URIs, by file name; missing, damaged and huge ones are logged and left out."""
    found = {}
    for name, artifact in islice(list_pictures(trial.system_attrs), MAX_PICTURES):
        try:
            with artifacts.store.open_reader(artifact) as file:
                found[name] = _data_uri(file.read(MAX_BYTES + 1))
        except Exception as error:  # store and picture formats raise exceptions of many kinds
            log_event("has a picture that cannot be read", trial.number, f"{name}: {one_line(error)}")
    return found


def _data_uri(picture: bytes) -> str:
    if len(picture) > MAX_BYTES:
        raise ValueError(f"a picture must have at most {MAX_BYTES:,} bytes; got more")
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(BytesIO(picture), formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise ValueError(f"a picture must have at most {MAX_PIXELS:,} pixels; got {image.width}x{image.height}")
            small = image.convert("RGB")
    small.thumbnail((MAX_WIDTH_PX, 4 * MAX_WIDTH_PX))
    out = BytesIO()
    small.save(out, "WEBP", quality=WEBP_QUALITY)
    return f"data:image/webp;base64,{base64.b64encode(out.getvalue()).decode()}"
