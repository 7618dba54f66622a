"""Names of what is kept of a data set: they change with its files, and with what decoding makes of them."""

import json
import os
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any
from zipfile import is_zipfile

from trainer.config import DataConfig
from trainer.data.item import Item, Reference, Row, Source

VERSION = 1  # of what is kept; changes with the code that makes it
DECODED = frozenset(
    ("classes", "labels", "unlisted", "mask_format", "ignore", "channels", "scale", "resize", "fit")
)  # fields of the configuration that change the decoded copy


def source_digest(source: Source, config: DataConfig | None = None) -> str:
    """The digest of a data set's files, by name, size and time of change, and of the fields that decoding uses."""
    fields = {} if config is None else config.model_dump(mode="json", include=set(DECODED))
    stamps: dict[Path, tuple[int, int]] = {}
    described = [_describe(item, stamps) for item in source.items]
    return digest_of({"version": VERSION, "path": str(source.path), "items": described, "fields": fields})


def archive_stamps(config: DataConfig) -> list[list[Any]] | None:
    """Names, sizes and times of change of data that are npz files alone; None for others."""
    named = [name for name in (config.path, config.validation) if isinstance(name, str)]
    if config.images is not None or not named:
        return None
    try:
        paths = [Path(name).expanduser().resolve() for name in named]
        stamps = [[str(path), path.stat().st_size, path.stat().st_mtime_ns] for path in paths]
        return stamps if all(map(is_zipfile, paths)) else None
    except (OSError, ValueError):  # whoever looks for them says so
        return None


def digest_of(value: Mapping[str, Any]) -> str:
    """The SHA-256 of plain values, in 32 digits."""
    return sha256(json.dumps(value, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _describe(item: Item, stamps: dict[Path, tuple[int, int]]) -> list[Any]:
    references = [_stamp(item.image, stamps), None if item.mask is None else _stamp(item.mask, stamps)]
    return [item.name, item.side, item.group, *references]


def _stamp(reference: Reference, stamps: dict[Path, tuple[int, int]]) -> list[Any]:
    path = reference.path
    if path not in stamps:
        status = os.stat(path)
        stamps[path] = (status.st_size, status.st_mtime_ns)
    return [str(path), reference.index if isinstance(reference, Row) else None, *stamps[path]]
