"""The record of an artifact as Optuna and its dashboard keep it: JSON in a system attribute."""

import re
import unicodedata
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from storage.artifacts.keys import require_picture_id

PREFIX = "artifacts:"  # begins the attributes' keys, before the artifact's id
MAX_NAME = 255  # characters of a file's name
MAX_RECORD = 1 << 13  # characters of a record

_MIMETYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+_-]*/[A-Za-z0-9][A-Za-z0-9.+_-]*(?:;[ -~]*)?")
_ENCODING = re.compile(r"[A-Za-z0-9-]+")


class ArtifactRecord(BaseModel):
    """What is known of an artifact beside its content."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    artifact_id: str
    filename: str
    mimetype: str
    encoding: str | None


def read_record(artifact_id: str, value: Any) -> ArtifactRecord | None:
    """The record of an artifact from its attribute's value; None where the dashboard removed the artifact.

    Raises ValueError for anything else, and for the record of another artifact.
    """
    require_picture_id(artifact_id)
    if value == "null":
        return None
    if not isinstance(value, str) or len(value) > MAX_RECORD:
        raise ValueError(f"an artifact's record must be text of at most {MAX_RECORD:,} characters")
    try:
        record = ArtifactRecord.model_validate_json(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise ValueError(f"an artifact's record must be one of Optuna's; {first['msg']}") from None
    if record.artifact_id != artifact_id:
        raise ValueError(f"an artifact's record must be of {artifact_id}; got {record.artifact_id!r}")
    return record


def check_record(record: ArtifactRecord) -> None:
    """Raises ValueError where a part of a record could be taken for more than a name, such as a path or a header."""
    if not is_plain_name(record.filename):
        raise ValueError(f"a file's name must be a plain one; got {record.filename!r}")
    if not _MIMETYPE.fullmatch(record.mimetype):
        raise ValueError(f"a file's type must be such as image/png; got {record.mimetype!r}")
    if record.encoding is not None and not _ENCODING.fullmatch(record.encoding):
        raise ValueError(f"a file's encoding must be such as gzip; got {record.encoding!r}")


def is_plain_name(name: str) -> bool:
    """Whether it is the name of a file in a folder, without control characters."""
    odd = any(letter in "/\\" or unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in name)
    return not odd and name not in (".", "..") and len(name) <= MAX_NAME
