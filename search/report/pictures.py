"""A trial's pictures out of the artifact store, made small and part of the page."""

import base64
import json
from collections.abc import Iterator
from io import BytesIO

from optuna.trial import FrozenTrial
from PIL import Image

from search.ending import one_line
from search.log import say
from storage.artifacts import Artifacts

ARTIFACT = "artifacts:"  # begins Optuna's system attributes that name a trial's files
WIDEST = 900  # pixels
QUALITY = 75  # of WebP


def embed_pictures(trial: FrozenTrial, artifacts: Artifacts) -> dict[str, str]:
    """The trial's pictures as data: URIs by their file's name; one that is gone or damaged is left out."""
    found = {}
    for name, artifact in _named(trial):
        try:
            with artifacts.store.open_reader(artifact) as file:
                found[name] = _data_uri(file.read())
        except Exception as error:  # of whatever kind the store or the picture's format has
            say("has a picture that cannot be read", trial.number, f"{name}: {one_line(error)}")
    return found


def _named(trial: FrozenTrial) -> Iterator[tuple[str, str]]:
    """Each file's name with Optuna's id of it; what the dashboard removed is null."""
    for key, value in trial.system_attrs.items():
        if key.startswith(ARTIFACT) and (meta := json.loads(value)) is not None:
            yield meta["filename"], meta["artifact_id"]


def _data_uri(picture: bytes) -> str:
    with Image.open(BytesIO(picture)) as image:
        small = image.convert("RGB")
    small.thumbnail((WIDEST, 4 * WIDEST))
    out = BytesIO()
    small.save(out, "WEBP", quality=QUALITY)
    return f"data:image/webp;base64,{base64.b64encode(out.getvalue()).decode()}"
