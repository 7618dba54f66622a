"""Configurations as files: presets, TOML in and out, changes by path."""

import difflib
import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import BaseModel, ValidationError

from trainer.config import TrainConfig
from trainer.errors import InputError
from trainer.files import atomic_write

SHOWN = 120  # characters of a value in a message
DEEPEST = 20  # tables and lists inside each other; a search file has four
LARGEST = 2**63 - 1  # of a whole number, as TOML has it


def preset_names() -> list[str]:
    """Names of the presets that come with the package."""
    folder = resources.files("trainer") / "presets"
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def load_config(source: str | Path) -> TrainConfig:
    """The configuration of a preset's name or a TOML file; a table `provenance` in it is passed over."""
    tables = read_toml(source)
    tables.pop("provenance", None)
    return parse_config(tables)


def read_toml(source: str | Path) -> dict[str, Any]:
    """The tables of a preset's name or a TOML file."""
    shown = printable(source)
    if str(source) in preset_names():
        text = (resources.files("trainer") / "presets" / f"{source}.toml").read_text("utf-8")
    else:
        path = Path(source)
        if not path.is_file():
            raise InputError(
                f"a configuration must be a TOML file or a preset; got {shown}; presets: {', '.join(preset_names())}"
            )
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"a configuration must be readable UTF-8 text; got {shown}: {error}") from None
    try:
        tables = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits is a mere ValueError
        raise InputError(f"a configuration must be valid TOML; got {shown}: {error or 'nested too deeply'}") from None
    _check_extent(tables, shown)
    return tables


def printable(name: str | Path) -> str:
    """A name as a message may show it: what a terminal would obey is escaped."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in str(name))


def _check_extent(tables: dict[str, Any], source: str) -> None:
    """Refuses what the parser lets through and a message could not show: dotted keys nest without end, and a
    hexadecimal number may have any number of digits."""
    left: list[tuple[Any, int]] = [(tables, 0)]
    while left:
        value, depth = left.pop()
        if depth > DEEPEST:
            raise InputError(f"a configuration must be nested at most {DEEPEST} deep; got deeper ones in {source}")
        if isinstance(value, int) and not -LARGEST - 1 <= value <= LARGEST:
            raise InputError(
                f"a whole number must fit in 64 bits; got one of {value.bit_length()} bits in {source}; correct it"
            )
        items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        left += [(item, depth + 1) for item in items]


def parse_config(tables: Mapping[str, Any]) -> TrainConfig:
    """Checks plain tables; the first thing wrong is an `InputError` of one line."""
    try:
        return TrainConfig.model_validate(tables)
    except ValidationError as error:
        raise InputError(explain(error)) from None


def override(config: TrainConfig, changes: Mapping[str, Any]) -> TrainConfig:
    """A copy with the values at some paths replaced, as in `{"model.depth": 4}`."""
    tables = config.model_dump()
    for path, value in changes.items():
        check_path(path)
        table, _, key = path.rpartition(".")
        (tables[table] if table else tables)[key] = value
    return parse_config(tables)


def flatten(config: TrainConfig) -> dict[str, Any]:
    """Every path with its value, in the order of the tables."""
    flat: dict[str, Any] = {}
    for name, value in config.model_dump().items():
        flat |= {f"{name}.{key}": item for key, item in value.items()} if isinstance(value, dict) else {name: value}
    return flat


def check_path(path: str) -> None:
    """Refuses a path that `TrainConfig` does not have, naming the nearest one."""
    known = list(flatten(TrainConfig()))
    if path not in known:
        raise InputError(f"a path must be one of the configuration's; got {path!r}{nearest(path, known)}")


def nearest(word: str, known: list[str]) -> str:
    """A hint at the known word most like `word`, or nothing."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""


def dump_config(config: TrainConfig) -> dict[str, Any]:
    """Plain tables for TOML: None becomes "none" where that has a meaning, else it is left out."""
    tables: dict[str, Any] = config.model_dump(mode="json")
    for key in ("ignore", "resize"):
        if tables["data"][key] is None:
            tables["data"][key] = "none"
    return {
        name: {key: item for key, item in value.items() if item is not None} if isinstance(value, dict) else value
        for name, value in tables.items()
    }


def write_config(config: TrainConfig, path: Path, provenance: Mapping[str, Any] | None = None) -> None:
    """Writes `path` whole or not at all, `provenance` as a table beside the configuration's."""
    tables = dump_config(config)
    document = {"seed": tables.pop("seed")} | ({"provenance": dict(provenance)} if provenance else {}) | tables
    with atomic_write(path) as partial:
        partial.write_text(tomli_w.dumps(document), "utf-8")


def explain(error: ValidationError, model: type[BaseModel] = TrainConfig) -> str:
    """The first finding of a validation error: the path, the rule, the value."""
    first = error.errors(include_url=False)[0]
    path = ".".join(str(part) for part in first["loc"] if not str(part).startswith(("function-", "constrained-")))
    if first["type"] == "extra_forbidden":
        return f"unknown key {path!r}{nearest(path, known_keys(model))}"
    message = first["msg"].removeprefix("Value error, ")
    if not path:
        return message
    rule = message[0].lower() + message[1:].replace("Input should", "should")
    return f"{path}: {rule.replace('input should', 'must')}; got {_short(first['input'])}"


def _short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= SHOWN else f"{shown[: SHOWN - 3]}..."


def known_keys(model: type[BaseModel]) -> list[str]:
    """Dotted keys of a model and its tables."""
    keys: list[str] = []
    for name, field in model.model_fields.items():
        keys.append(name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            keys += [f"{name}.{key}" for key in known_keys(field.annotation)]
    return keys
