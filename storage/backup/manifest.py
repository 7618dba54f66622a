"""The format of a backup: a zip that does not depend on the server's version.

format.json          its contents: `Manifest`
rows/TABLE.jsonl     the rows of every table of storage/studies/rows.py, a JSON object by columns on each line
artifacts/KEY        pictures, checkpoints and weights, under their keys in the artifact store, stored as they are

The limits hold for a backup that is written, too: what is in one can be restored.
"""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, NonNegativeInt, model_validator

FORMAT = 1
MANIFEST = "format.json"
ARTIFACTS = "artifacts"

MAX_MANIFEST_BYTES = 1 << 22
MAX_ROW_BYTES = 1 << 22  # a configuration has some thousand
MAX_STUDIES = 10_000
MAX_TRIALS = 1_000_000  # their ids are kept in memory while the rows are read
MAX_RATIO = 200  # of a table's rows to their bytes in the zip; those of a search are deflated to a tenth
MIN_RATIO_BYTES = 1 << 20  # of a table to which the ratio applies

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

    @model_validator(mode="before")
    @classmethod
    def _check_extent(cls, content: Mapping[str, Any]) -> Mapping[str, Any]:
        """Refuses what is too long, before each wrong part of it becomes an error with a text of its own."""
        for value in (content, *content.values()):
            if isinstance(value, list | dict) and len(value) > MAX_STUDIES:
                raise ValueError(f"a list must have at most {MAX_STUDIES:,} entries; got {len(value):,}")
        return content

    @model_validator(mode="after")
    def _check_trials(self) -> "Manifest":
        if self.rows.get("trials", 0) > MAX_TRIALS:
            raise ValueError(f"there must be at most {MAX_TRIALS:,} trials; got {self.rows['trials']:,}")
        return self


def rows_name(table: str) -> str:
    """The name in the zip of a table's rows."""
    return f"rows/{table}.jsonl"


def ignore_progress(what: str, done: int, total: int) -> None:
    """Shows nothing."""
