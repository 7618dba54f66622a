"""Writes what was found as a `search.toml`, so that a person can read it and change it."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tomli_w

from trainer.config import DataConfig
from trainer.data.look.found import Look
from trainer.errors import InputError, printable
from trainer.files import atomic_write

_COMMENTS = {
    "classes": "number of classes",
    "names": "of the classes",
    "unlisted": "what becomes of values that labels do not list: error, ignore, nearest",
    "mask_format": "grey, palette, colour",
    "colours": "of each class",
    "ignore": "label that is not scored, or none",
    "channels": "of the images",
    "scale": "values that become 0 and 255; none for images of 8 bits",
    "validation": "share of the images where there is no part of its own, or a path",
    "groups": "regular expression; what its first group matches in an image's name is never split",
    "resize": "height and width, or none",
    "fit": "of resize: stretch or pad",
    "patch": "height and width of what a network sees at a time; none for whole images",
}
_PATHS = ("path", "images", "masks", "validation")


def write_table(look: Look, path: Path) -> Path:
    """Writes a `search.toml` of a look to a new file; returns its path. Raises InputError if there is a file."""
    if os.path.lexists(path):
        raise InputError(f"a table must be a new file; got {printable(path)}, which exists; choose another name")
    text = "\n".join(_lines(look)) + "\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as partial:
            partial.write_bytes(text.encode("utf-8", "replace"))  # a path of data need not be UTF-8
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"a table must be writable; got {printable(path)}: {reason}; choose another place") from None
    return path


def _lines(look: Look) -> Iterator[str]:
    yield "# What was found in the data. All of it may be changed; what is left out is found again."
    yield "#"
    for line in (*look.found, *(f"WARNING: {warning}" for warning in look.warnings)):
        yield f"# {printable(line)}"
    yield ""
    yield "[study]"
    yield '# name   = "unet"'
    yield "# trials = 100"
    yield ""
    yield "[train]"
    yield '# base = "default"'
    yield ""
    yield "[train.data]"
    for key, value in _values(look.config).items():
        if key in _COMMENTS:
            yield f"# {_COMMENTS[key]}"
        yield tomli_w.dumps({key: value}).rstrip("\n")
    if look.config.labels:
        yield ""
        yield "[train.data.labels] # value or colour of the masks = class, or 255 for none"
        yield tomli_w.dumps(look.config.labels).rstrip("\n")


def _values(config: DataConfig) -> dict[str, Any]:
    """What was found, and what else is not as by default; None is "none" where the table can say so."""
    values: dict[str, Any] = {}
    defaults = DataConfig().model_dump()
    for key, value in config.model_dump().items():
        if key == "labels" or (value == defaults[key] and key not in _COMMENTS) or value == ():
            continue
        if key in _PATHS and isinstance(value, str):
            values[key] = str(Path(value).expanduser().resolve())
        elif value is not None:
            values[key] = list(value) if isinstance(value, tuple) else value
        elif key in ("ignore", "scale", "resize", "patch"):
            values[key] = "none"
    return values
