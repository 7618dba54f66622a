"""What was found in a data set, as it is kept and shown."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from trainer.config import DataConfig
from trainer.errors import InputError


@dataclass(frozen=True)
class FoundValue:
    """A value of the masks."""

    value: str  # as a key of `data.labels`
    share: float  # of all pixels, 0..1
    images: int  # that have it
    label: int | None  # its class, or the label that is not scored; None where it is not listed


@dataclass(frozen=True)
class Look:
    """What looking at a data set found."""

    config: DataConfig  # nothing in it is "auto" or left to be found
    found: tuple[str, ...]  # lines for people, one fact each
    values: tuple[FoundValue, ...]  # in ascending order; the most frequent ones if there are many
    warnings: tuple[str, ...]

    def to_json(self) -> str:
        """The look as text, from which `from_json` makes an equal one."""
        return json.dumps(
            {
                "config": self.config.model_dump(),
                "found": self.found,
                "values": [asdict(value) for value in self.values],
                "warnings": self.warnings,
            }
        )

    @classmethod
    def from_json(cls, text: str) -> "Look":
        """The look that `to_json` wrote. Raises InputError for any other text."""
        try:
            kept: dict[str, Any] = json.loads(text)
            return cls(
                config=DataConfig.model_validate(kept["config"]),
                found=tuple(str(line) for line in kept["found"]),
                values=tuple(FoundValue(**value) for value in kept["values"]),
                warnings=tuple(str(line) for line in kept["warnings"]),
            )
        except (ValueError, KeyError, TypeError) as error:  # pydantic's errors are ValueErrors
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise InputError(f"what was found in data must be as it was written; got {reason}; remove it") from None
