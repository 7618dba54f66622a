"""The whole search as frozen data: `search.toml`, what the command line changes in it, and the study's question."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from search.space.parse import default_space, fix, parse_space
from search.space.space import Space, space_tables
from search.study.warmstart import Start, anchor, load_starts
from trainer.config import Table, TrainConfig
from trainer.configfile import explain, flatten, override, parse_config, read_toml
from trainer.errors import InputError


class StudyTable(Table):
    """`[study]`: how the search goes, not what is searched."""

    name: str = Field("unet", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")
    trials: int = Field(100, ge=1)  # complete, pruned and running together
    seed: int = Field(0, ge=0, lt=2**31)
    pruner: Literal["median", "halving", "none"] = "median"
    startup_trials: int = Field(4, ge=1)  # complete trials before the first is pruned
    warmup: float = Field(0.25, ge=0, le=1)  # share of the epochs before a trial may be pruned
    timeout_s: float | None = Field(None, gt=0)  # no trial starts after so many seconds
    warm_start: tuple[str, ...] = ()  # tried first: "report", presets, files


class ConstraintsTable(Table):
    """`[constraints]`: what a configuration must keep to."""

    parameters: int | None = Field(None, ge=1)  # of the network, at most


class SearchFile(Table):
    """The tables of `search.toml`."""

    study: StudyTable = StudyTable()
    train: dict[str, Any] = Field(default_factory=dict)
    space: dict[str, Any] | None = None
    constraints: ConstraintsTable = ConstraintsTable()


@dataclass(frozen=True)
class Plan:
    """A search, checked. `base` is what every trial has in common."""

    study: StudyTable
    base: TrainConfig
    space: Space
    constraints: ConstraintsTable
    starts: tuple[Start, ...] = ()  # tried before anything is drawn


def load_plan(
    path: Path | None,
    sets: Mapping[str, Any] | None = None,
    data: Path | None = None,
    study: Mapping[str, Any] | None = None,
    warm_start: Sequence[str] = (),
) -> Plan:
    """The plan of a `search.toml` (None: the default search) with the command line's changes.

    `sets` are values by path; an axis fixed that way leaves the space. `study` replaces values of `[study]` where it is
    not None, such as `{"trials": 12}`; `warm_start` comes after the file's. Relative paths in the file start at its
    folder. Raises InputError.
    """
    folder = path.parent if path else Path()
    file = _read(path, study or {})
    fixed = dict(sets or {})
    base = override(_base(file.train, folder), fixed)
    if data is not None:
        base = override(base, {"data.path": str(data.expanduser().resolve())})
    if file.space is None:
        space = default_space(base, {*_paths(file.train), *fixed})
    else:
        _check_apart(file.train, file.space)
        space = fix(parse_space(file.space, _base(file.train, folder)), fixed, base)
    sources = [*(anchor(source, folder) for source in file.study.warm_start), *warm_start]
    return Plan(file.study, base, space, file.constraints, load_starts(sources, base, space, fixed))


def question(plan: Plan, fingerprint: str, backend: str, deterministic: bool = False) -> dict[str, Any]:
    """What the study asks, as flat JSON: frozen in it, compared by everyone who joins. Budget and starts are not."""
    study = plan.study.model_dump(exclude={"name", "trials", "timeout_s", "warm_start"})
    base = {path: value for path, value in flatten(plan.base).items() if path not in ("data.path", "seed")}
    asked = (
        {"data.fingerprint": fingerprint, "engine": backend, "deterministic": deterministic}
        | {f"study.{key}": value for key, value in study.items()}
        | {f"train.{path}": value for path, value in base.items()}
        | {f"space.{path}": table for path, table in space_tables(plan.space).items()}
        | {f"constraints.{key}": value for key, value in plan.constraints.model_dump().items()}
    )
    plain: dict[str, Any] = json.loads(json.dumps(asked))  # tuples become lists, as they come back from the database
    return plain


def plan_from_question(asked: Mapping[str, Any], name: str, trials: int, data: str | None) -> Plan:
    """The plan of a stored question: a worker needs the database alone, and where the data lie on its host."""
    study = {"name": name, "trials": trials, **_under(asked, "study.")}
    base = override(TrainConfig(), _under(asked, "train.") | {"data.path": data})
    constraints = ConstraintsTable.model_validate(_under(asked, "constraints."))
    return Plan(StudyTable.model_validate(study), base, parse_space(_under(asked, "space."), base), constraints)


def _read(path: Path | None, study: Mapping[str, Any]) -> SearchFile:
    if path is not None and not path.is_file():
        raise InputError(f"a search must be a TOML file; got {path}, which is no file")
    tables = read_toml(path.resolve()) if path else {}
    try:
        if isinstance(tables.setdefault("study", {}), Mapping):
            tables["study"] = {**tables["study"], **{key: value for key, value in study.items() if value is not None}}
        return SearchFile.model_validate(tables)
    except ValidationError as error:
        raise InputError(explain(error, SearchFile)) from None


def _base(train: Mapping[str, Any], folder: Path) -> TrainConfig:
    """The base of `[train]` with its tables laid over it."""
    partial = dict(train)
    source = partial.pop("base", "default")
    try:
        tables = _read_base(source, folder)
        for name, value in partial.items():
            both = isinstance(value, Mapping) and isinstance(tables.get(name), Mapping)
            tables[name] = {**tables[name], **value} if both else value
        return _anchor(parse_config(tables), train, folder)
    except InputError as error:
        raise InputError(f"[train] {error}") from None


def _read_base(source: object, folder: Path) -> dict[str, Any]:
    if not isinstance(source, str):
        raise InputError(f"base must be a preset's name or a file; got {source!r}")
    beside = folder / source
    tables = read_toml(beside if beside.is_file() else source)
    tables.pop("provenance", None)
    return tables


def _anchor(config: TrainConfig, train: Mapping[str, Any], folder: Path) -> TrainConfig:
    """Paths that the search's own file names, made absolute."""
    data = train.get("data", {})
    named = {
        f"data.{key}": str((folder / data[key]).expanduser().resolve())
        for key in ("path", "validation")
        if isinstance(data.get(key), str)
    }
    return override(config, named) if named else config


def _paths(train: Mapping[str, Any]) -> set[str]:
    return {f"{name}.{key}" for name, table in train.items() if isinstance(table, Mapping) for key in table}


def _check_apart(train: Mapping[str, Any], space: Mapping[str, Any]) -> None:
    for path in sorted(_paths(train) & set(space)):
        raise InputError(f"a path must be fixed in [train] or searched in [space], not both; got {path!r}")


def _under(asked: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {key.removeprefix(prefix): value for key, value in asked.items() if key.startswith(prefix)}
