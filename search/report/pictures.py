"""A trial's pictures out of the artifact store, made small and part of the page."""

import base64
from io import BytesIO

from optuna.trial import FrozenTrial
from PIL import Image

from search.log import one_line, say
from storage.artifacts.pictures import list_pictures
from storage.artifacts.store import Artifacts

WIDEST = 900  # pixels
QUALITY = 75  # of WebP


def embed_pictures(trial: FrozenTrial, artifacts: Artifacts) -> dict[str, str]:
    """The trial's pictures as data: URIs by their file's name; one that is gone or damaged is left out."""
    found = {}
    for name, artifact in list_pictures(trial.system_attrs):
        try:
            with artifacts.store.open_reader(artifact) as file:
                found[name] = _data_uri(file.read())
        except Exception as error:  # of whatever kind the store or the picture's format has
            say("has a picture that cannot be read", trial.number, f"{name}: {one_line(error)}")
    return found


def _data_uri(picture: bytes) -> str:
    with Image.open(BytesIO(picture)) as image:
        small = image.convert("RGB")
    small.thumbnail((WIDEST, 4 * WIDEST))
    out = BytesIO()
    small.save(out, "WEBP", quality=QUALITY)
    return f"data:image/webp;base64,{base64.b64encode(out.getvalue()).decode()}"
