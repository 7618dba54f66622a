"""The format of a backup: a zip that does not depend on the server's version.

format.json          its contents: `Manifest`
rows/TABLE.jsonl     the rows of every table of storage/studies/rows.py, a JSON object by columns on each line
artifacts/KEY        pictures, checkpoints and weights, under their keys in the artifact store
"""

from collections.abc import Callable, Mapping

from pydantic import BaseModel, ConfigDict, NonNegativeInt

FORMAT = 1
MANIFEST = "format.json"
ARTIFACTS = "artifacts"

Progress = Callable[[str, int, int], None]  # called with "rows" or "files", how many are done, and how many there are


class Manifest(BaseModel):
    """A backup's contents. The versions are for people; whether it can be read depends on `format` alone."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    format: int
    created: str  # ISO 8601, UTC
    versions: Mapping[str, str]
    studies: list[str]
    rows: Mapping[str, NonNegativeInt]  # by table
    files: NonNegativeInt


def rows_name(table: str) -> str:
    """The name in the zip of a table's rows."""
    return f"rows/{table}.jsonl"


def ignore_progress(what: str, done: int, total: int) -> None:
    """Shows nothing."""
