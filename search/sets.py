"""`--set PATH=VALUE`: values of the configuration on the command line."""

import tomllib
from collections.abc import Sequence
from typing import Any

from trainer.errors import InputError


def parse_sets(sets: Sequence[str]) -> dict[str, Any]:
    """`PATH=VALUE` pairs; a value is TOML, or text where it is not: `model.norm=group`."""
    changes: dict[str, Any] = {}
    for item in sets:
        path, equals, text = item.partition("=")
        if not equals or not path.strip():
            raise InputError(f"--set must be PATH=VALUE, such as model.depth=3; got {item!r}")
        changes[path.strip()] = _value(text.strip())
    return changes


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        return text
