"""A trial's pictures from the artifact store, scaled down and embedded in the page."""

import base64
from io import BytesIO

from optuna.trial import FrozenTrial
from PIL import Image

from search.log import log_event, one_line
from storage.artifacts.interface import Artifacts
from storage.artifacts.pictures import list_pictures

MAX_WIDTH_PX = 900
WEBP_QUALITY = 75


def embed_pictures(trial: FrozenTrial, artifacts: Artifacts) -> dict[str, str]:
    """The trial's pictures as data: URIs, by file name; missing and damaged ones are logged and left out."""
    found = {}
    for name, artifact in list_pictures(trial.system_attrs):
        try:
            with artifacts.store.open_reader(artifact) as file:
                found[name] = _data_uri(file.read())
        except Exception as error:  # store and picture formats raise exceptions of many kinds
            log_event("has a picture that cannot be read", trial.number, f"{name}: {one_line(error)}")
    return found


def _data_uri(picture: bytes) -> str:
    with Image.open(BytesIO(picture)) as image:
        small = image.convert("RGB")
    small.thumbnail((MAX_WIDTH_PX, 4 * MAX_WIDTH_PX))
    out = BytesIO()
    small.save(out, "WEBP", quality=WEBP_QUALITY)
    return f"data:image/webp;base64,{base64.b64encode(out.getvalue()).decode()}"
