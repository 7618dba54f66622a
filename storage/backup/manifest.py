"""A backup: one zip, whatever the server's version.

format.json          what is in it: `Manifest`
rows/TABLE.jsonl     one JSON object a line, its keys the table's columns, for every table of storage/studies/rows.py
artifacts/           pictures, checkpoints and weights, as they lie in the artifact store
"""

from collections.abc import Callable, Mapping

from pydantic import BaseModel, ConfigDict, NonNegativeInt

FORMAT = 1
MANIFEST = "format.json"
ARTIFACTS = "artifacts"

Tell = Callable[[str, int, int], None]  # progress: "rows" or "files", how many are done, of how many


class Manifest(BaseModel):
    """What a backup holds. The versions are for people: only the format's number decides."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    format: int
    created: str  # ISO 8601, UTC
    versions: Mapping[str, str]
    studies: list[str]
    rows: Mapping[str, NonNegativeInt]  # by table
    files: NonNegativeInt


def rows_name(table: str) -> str:
    """Where the rows of a table are."""
    return f"rows/{table}.jsonl"


def silent(what: str, done: int, total: int) -> None:
    """Tells nobody."""
