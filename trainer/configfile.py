"""Configurations as TOML: presets, reading, writing, and changes by path."""

import difflib
import re
import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import BaseModel, ValidationError

from trainer.config import TrainConfig
from trainer.earlier import to_today
from trainer.errors import InputError, printable
from trainer.files import atomic_write

MAX_SHOWN = 120  # characters of a value in a message
MAX_CHARACTERS = 1 << 20  # of a file; a search file has some thousand
MAX_VALUES = 10_000  # in all tables and lists; each that is wrong takes a message of its own
MAX_DEPTH = 20  # of nested tables and lists; a search file has four
MAX_INTEGER = 2**63 - 1  # TOML's integers have 64 bits
# Fields of which None is a value beside the default.
NULLABLE = [("data", key) for key in ("ignore", "patch", "resize", "scale")] + [("budget", "steps")]

# A key of more than MAX_DEPTH parts, for 50,000 of which the parser would take 10 GB. It begins after what may stand
# before a key: thus no text makes the search read it more than MAX_DEPTH times.
_PART = r"""(?:[A-Za-z0-9_-]++|"(?:[^"\\\n]|\\.)*+"|'[^'\n]*+')"""
_DEEP_KEY = re.compile(rf"(?<![^\s\[{{,]){_PART}(?:[ \t]*+\.[ \t]*+{_PART}){{{MAX_DEPTH}}}")


def preset_names() -> list[str]:
    """Names of the presets in this package, sorted."""
    folder = resources.files("trainer") / "presets"
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def load_config(source: str | Path) -> TrainConfig:
    """The configuration of a preset or a TOML file, without a table `provenance`. Raises InputError."""
    tables = read_toml(source)
    tables.pop("provenance", None)
    return parse_config(tables)


def read_toml(source: str | Path) -> dict[str, Any]:
    """The tables of a preset or a TOML file, not yet validated. Raises InputError."""
    shown = printable(source)
    if str(source) in preset_names():
        text = (resources.files("trainer") / "presets" / f"{source}.toml").read_text("utf-8")
    else:
        path = Path(source)
        if not path.is_file():
            raise InputError(
                f"a configuration must be a TOML file or a preset; got {shown}; presets: {', '.join(preset_names())}"
            )
        text = _read_text(path, shown)
    if _DEEP_KEY.search(text):
        raise _too_deep(shown)
    try:
        tables = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits raises a plain ValueError
        raise InputError(f"a configuration must be valid TOML; got {shown}: {error or 'nested too deeply'}") from None
    check_extent(tables, shown)
    return tables


def _read_text(path: Path, shown: str) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(MAX_CHARACTERS + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"a configuration must be readable UTF-8 text; got {shown}: {error}") from None
    if len(text) > MAX_CHARACTERS:
        raise InputError(f"a configuration must have at most {MAX_CHARACTERS:,} characters; got more in {shown}")
    return text


def _too_deep(shown: str) -> InputError:
    return InputError(f"a configuration must be nested at most {MAX_DEPTH} deep; got deeper ones in {shown}")


def check_extent(tables: dict[str, Any], source: str) -> None:
    """Refuses many values, deep nesting and integers above 64 bits: the parser accepts them, later steps cannot."""
    pending: list[tuple[Any, int]] = [(tables, 0)]
    values = 0
    while pending:
        value, depth = pending.pop()
        values += 1
        if values > MAX_VALUES:
            raise InputError(f"a configuration must have at most {MAX_VALUES:,} values; got more in {source}")
        if depth > MAX_DEPTH:
            raise _too_deep(source)
        if isinstance(value, int) and not -MAX_INTEGER - 1 <= value <= MAX_INTEGER:
            raise InputError(
                f"a whole number must fit in 64 bits; got one of {value.bit_length()} bits in {source}; correct it"
            )
        items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        pending += [(item, depth + 1) for item in items]


def parse_config(tables: Mapping[str, Any]) -> TrainConfig:
    """Validates plain tables, of earlier versions too. Raises InputError with the first error, in one line."""
    try:
        return TrainConfig.model_validate(to_today(tables))
    except ValidationError as error:
        raise InputError(explain(error)) from None


def override(config: TrainConfig, changes: Mapping[str, Any]) -> TrainConfig:
    """A copy with the values at some paths replaced, as in `{"model.depth": 4}`. Raises InputError."""
    tables = config.model_dump()
    for path, value in changes.items():
        check_path(path)
        table, _, key = path.rpartition(".")
        (tables[table] if table else tables)[key] = value
    return parse_config(tables)


def flatten(config: TrainConfig) -> dict[str, Any]:
    """The value of every path, in the order of the tables."""
    flat: dict[str, Any] = {}
    for name, value in config.model_dump().items():
        flat |= {f"{name}.{key}": item for key, item in value.items()} if isinstance(value, dict) else {name: value}
    return flat


def check_path(path: str) -> None:
    """Raises InputError, with the nearest known path, unless `TrainConfig` has the path."""
    known = list(flatten(TrainConfig()))
    if path not in known:
        raise InputError(f"a path must be one of the configuration's; got {path!r}{nearest(path, known)}")


def nearest(word: str, known: list[str]) -> str:
    """A hint at the most similar known word, such as `; did you mean 'model.depth'?`, or an empty string."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""


def dump_config(config: TrainConfig) -> dict[str, Any]:
    """Plain tables for TOML, which has no null: None is "none" where "auto" is another value, else left out."""
    tables: dict[str, Any] = config.model_dump(mode="json")
    for table, key in NULLABLE:
        if tables[table][key] is None:
            tables[table][key] = "none"
    return {
        name: {key: item for key, item in value.items() if item is not None} if isinstance(value, dict) else value
        for name, value in tables.items()
    }


def write_config(config: TrainConfig, path: Path, provenance: Mapping[str, Any] | None = None) -> None:
    """Writes a TOML file atomically, with `provenance` as a further table."""
    tables = dump_config(config)
    first = {key: tables.pop(key) for key in ("seed", "metric")}
    document = first | ({"provenance": dict(provenance)} if provenance else {}) | tables
    with atomic_write(path) as partial:
        partial.write_bytes(tomli_w.dumps(document).encode("utf-8", "replace"))  # a path of data need not be UTF-8


def explain(error: ValidationError, model: type[BaseModel] = TrainConfig) -> str:
    """The first error of a validation in one line: the path, the rule, the value."""
    first = error.errors(include_url=False)[0]
    path = ".".join(str(part) for part in first["loc"] if not str(part).startswith(("function-", "constrained-")))
    if first["type"] == "extra_forbidden":
        return f"unknown key {_shorten(path)}{nearest(path[:MAX_SHOWN], known_keys(model))}"
    message = first["msg"].removeprefix("Value error, ")
    if not path:
        return message
    rule = message[0].lower() + message[1:].replace("Input should", "should")
    return f"{path}: {rule.replace('input should', 'must')}; got {_shorten(first['input'])}"


def _shorten(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= MAX_SHOWN else f"{shown[: MAX_SHOWN - 3]}..."


def known_keys(model: type[BaseModel]) -> list[str]:
    """Dotted keys of a model and of its tables."""
    keys: list[str] = []
    for name, field in model.model_fields.items():
        keys.append(name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            keys += [f"{name}.{key}" for key in known_keys(field.annotation)]
    return keys
