"""The plan of a search as frozen data, from `search.toml` and the command line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from search.space.default import Device, default_space, default_values, describe_space
from search.space.parse import fix_axes, is_shared, parse_space
from search.space.space import Space
from search.study.warmstart import DEFAULT, WarmStart, load_warm_starts, resolve_source
from trainer.config import DataConfig, Table, TrainConfig
from trainer.configfile import explain, override, parse_config, read_toml
from trainer.earlier import to_today
from trainer.errors import InputError
from trainer.metric import check_metric


class StudyTable(Table):
    """`[study]`: how the study is run."""

    name: str = Field("unet", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")
    trials: int = Field(100, ge=1, lt=2**31)  # complete, pruned and running together
    seed: int = Field(0, ge=0, lt=2**31)
    pruner: Literal["halving", "median", "none"] = "halving"
    startup_trials: int = Field(4, ge=1, lt=2**31)  # complete trials before the first is pruned
    warmup: float = Field(0.25, ge=0, le=1)  # share of the epochs before a trial may be pruned
    reduction_factor: int = Field(2, ge=2, lt=2**31)  # of halving: at each rung, one of so many goes on
    near_base: float = Field(0.5, ge=0, le=1)  # chance that a value is near the base's, of a trial drawn before TPE's
    timeout_s: float | None = Field(None, gt=0)  # until the workers stop; another run goes on with their trials
    warm_start: tuple[str, ...] = ()  # sources: "report", presets, files
    metric: str = "miou"  # what a trial's value is; the same as `metric` of [train]


class ConstraintsTable(Table):
    """`[constraints]`: the limits of a network in use; see `search/study/limits.py`, `trainer/cost.py`."""

    parameters: int | None = Field(None, ge=1)  # the largest number
    memory_mib: float | None = Field(None, gt=0)  # the most for a prediction of one image
    ms_per_image: float | None = Field(None, gt=0)  # the longest, of one image at a time
    ms_per_image_batched: float | None = Field(None, gt=0)  # and of a batch


class SearchFile(Table):
    """The tables of `search.toml`; `train` and `space` are checked later, against each other."""

    study: StudyTable = StudyTable()
    train: dict[str, Any] = Field(default_factory=dict)
    space: dict[str, Any] | None = None
    constraints: ConstraintsTable = ConstraintsTable()


@dataclass(frozen=True)
class Plan:
    """A checked search."""

    study: StudyTable
    base: TrainConfig  # what all trials have in common
    space: Space
    constraints: ConstraintsTable
    warm_starts: tuple[WarmStart, ...] = ()  # tried after the base, before any configuration is drawn
    device_note: str | None = field(default=None, compare=False)  # what of it is for a device, for people


def load_plan(
    path: Path | None,
    sets: Mapping[str, Any] | None = None,
    data: Path | None = None,
    study: Mapping[str, Any] | None = None,
    warm_start: Sequence[str] = (),
    device: Device = "gpu",
) -> Plan:
    """The plan of a `search.toml` with the command line's changes. Raises InputError.

    Args:
        path: the file, whose relative paths start at its folder; None for the default search.
        sets: values by path; an axis that is set leaves the space.
        data: replaces `data.path`.
        study: replaces values of `[study]`, such as `{"trials": 12}`; None leaves one as it is.
        warm_start: sources that follow those of the file.
        device: what the trials are trained on, which the default space and the default configuration suit.
    """
    folder = path.parent if path else Path()
    file = _read_search_file(path, study or {})
    fixed = dict(sets or {})
    named = {*_list_paths(file.train), *fixed}
    is_default = file.space is None and file.train.get("base", DEFAULT) == DEFAULT
    of_device = {path: value for path, value in default_values(device).items() if is_default and path not in named}
    base = override(_read_base(file.train, folder), of_device | fixed)
    if data is not None:
        base = override(base, {"data.path": str(data.expanduser().resolve())})
    study_table, base = _agree_on_metric(file, base, "metric" in fixed)
    words = None
    if file.space is None:
        space, words = default_space(base, named, device), describe_space(device, named, of_device)
    else:
        _check_disjoint(file.train, file.space)
        space = fix_axes(parse_space(file.space, _read_base(file.train, folder)), fixed, base)
    sources = [*(resolve_source(source, folder) for source in file.study.warm_start), *warm_start]
    return Plan(study_table, base, space, file.constraints, load_warm_starts(sources, base, space, fixed), words)


def settle_data(plan: Plan, found: DataConfig) -> Plan:
    """The plan with data in which nothing is left to be found, its warm starts included.

    An axis that has no effect on these data is no longer searched.
    """
    base = TrainConfig(**{**dict(plan.base), "data": found})
    space = plan.space if base.data.ignores_a_class else fix_axes(plan.space, ["loss.background"], base)
    shared = {f"data.{key}": value for key, value in found.model_dump().items() if is_shared(f"data.{key}")}
    starts = tuple(replace(start, config=override(start.config, shared)) for start in plan.warm_starts)
    return replace(plan, base=base, space=space, warm_starts=starts)


def _read_search_file(path: Path | None, study: Mapping[str, Any]) -> SearchFile:
    if path is not None and not path.is_file():
        raise InputError(f"a search must be a TOML file; got {path}, which is no file")
    tables = read_toml(path.resolve()) if path else {}
    try:
        if isinstance(tables.setdefault("study", {}), Mapping):
            tables["study"] = {**tables["study"], **{key: value for key, value in study.items() if value is not None}}
        file = SearchFile.model_validate(tables)
        return file.model_copy(update={"train": to_today(file.train)})
    except ValidationError as error:
        raise InputError(explain(error, SearchFile)) from None


def _agree_on_metric(file: SearchFile, base: TrainConfig, is_set: bool) -> tuple[StudyTable, TrainConfig]:
    """The study's table and base with one metric, which either may name. Raises InputError where they differ."""
    named = file.study.metric if "metric" in file.study.model_fields_set else base.metric
    if (is_set or "metric" in file.train) and base.metric != named:
        source = "--set" if is_set else "[train]"
        raise InputError(
            f"a study must have one metric; got {named!r} in [study] and {base.metric!r} in {source}; name it once"
        )
    check_metric(named)
    return file.study.model_copy(update={"metric": named}), override(base, {"metric": named})


def _read_base(train: Mapping[str, Any], folder: Path) -> TrainConfig:
    """The configuration that `[train]` names as its base, with the other values of `[train]` in it."""
    partial = dict(train)
    source = partial.pop("base", "default")
    try:
        tables = _read_tables(source, folder)
        for name, value in partial.items():
            are_tables = isinstance(value, Mapping) and isinstance(tables.get(name), Mapping)
            tables[name] = {**tables[name], **value} if are_tables else value
        return _resolve_data_paths(parse_config(tables), train, folder)
    except InputError as error:
        raise InputError(f"[train] {error}") from None


def _read_tables(source: object, folder: Path) -> dict[str, Any]:
    """The tables of a preset or a file."""
    if not isinstance(source, str):
        raise InputError(f"base must be a preset's name or a file; got {source!r}")
    beside = folder / source
    tables = read_toml(beside if beside.is_file() else source)
    tables.pop("provenance", None)
    return to_today(tables)


def _resolve_data_paths(config: TrainConfig, train: Mapping[str, Any], folder: Path) -> TrainConfig:
    """The configuration with the paths that `[train]` itself names made absolute."""
    data = train.get("data", {})
    resolved = {
        f"data.{key}": str((folder / data[key]).expanduser().resolve())
        for key in ("path", "images", "masks", "validation")
        if isinstance(data.get(key), str)
    }
    return override(config, resolved) if resolved else config


def _list_paths(train: Mapping[str, Any]) -> set[str]:
    return {f"{name}.{key}" for name, table in train.items() if isinstance(table, Mapping) for key in table}


def _check_disjoint(train: Mapping[str, Any], space: Mapping[str, Any]) -> None:
    for path in sorted(_list_paths(train) & set(space)):
        raise InputError(f"a path must be fixed in [train] or searched in [space], not both; got {path!r}")
