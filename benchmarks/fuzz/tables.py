"""Corrupt configurations and search files, as TOML."""

from pathlib import Path
from typing import Any

import tomli_w

from benchmarks.fuzz.damage import Random, corrupt_bytes, corrupt_tables, pick
from trainer.config import TrainConfig
from trainer.configfile import dump_config

AXES: tuple[Any, ...] = (
    {"int": [0, 10**18]},
    {"int": [2, 4], "step": 0},
    {"int": [-(2**63), 2**63 - 1], "log": True},
    {"int": [4, 2]},
    {"int": [2.5, 4]},
    {"int": [1, 2, 3]},
    {"float": [0.0, 1.0], "log": True},
    {"float": [1e-4, 1e-1], "step": 1e-300},
    {"float": [-1e308, 1e308], "step": 1e-9},
    {"float": [float("nan"), 1.0]},
    {"float": [float("-inf"), float("inf")]},
    {"choice": []},
    {"choice": [1, 1]},
    {"choice": [1, "a", True, 1.0, []]},
    {"choice": list(range(20_000))},
    {"choice": [[8, 16], [8, 16]]},
    {"choice": [True, False], "when": {"model.se": [True]}},
    {"choice": [True, False], "when": {"model.residual": [True]}},
    {"choice": [8, 16], "when": {"": []}},
    {"choice": [8], "when": 3},
    {"int": [2, 4], "choice": [1]},
    {},
    3,
)
DEEP = (b"seed", b"model", b"model.depth", b"study.name", b"train.seed", b"train.base", b"space.x", b"provenance")
PATHS = (
    "model.depth",
    "model.width",
    "optimizer.learning_rate",
    "loss.name",
    "data.oversample",
    "data.path",
    "seed",
    "",
)


def write_config(random: Random, folder: Path) -> Path:
    """Writes a configuration that may be corrupt; returns the file."""
    return _write(random, folder / "config.toml", dump_config(TrainConfig()))


def write_plan(random: Random, folder: Path) -> Path:
    """Writes a search file that may be corrupt; returns the file."""
    tables = _plan()
    if random.random() < 0.5:
        tables["space"][pick(random, PATHS)] = pick(random, AXES)
    return _write(random, folder / "search.toml", tables)


def _write(random: Random, path: Path, tables: dict[str, Any]) -> Path:
    kind = pick(random, ("tables",) * 6 + ("whole", "bytes", "bytes", "text"))
    corrupt: Any = corrupt_tables(random, tables) if kind == "tables" else tables
    content = tomli_w.dumps(corrupt if isinstance(corrupt, dict) else {"value": corrupt}).encode()
    if kind == "bytes":
        content = corrupt_bytes(random, content)
    elif kind == "text":
        content = _odd_text(random, content)
    path.write_bytes(content)
    return path


def _odd_text(random: Random, content: bytes) -> bytes:
    depth = int(random.integers(1, 20_000))
    odd = (
        b"a = " + b"[" * depth + b"]" * depth,
        b"a = " + b"{b=" * depth + b"1" + b"}" * depth,
        b".".join([b"a"] * depth) + b" = 1",
        b"[" + b".".join([b"a"] * depth) + b"]",
        pick(random, DEEP) + b".a" * depth + b" = 1",
        b"seed = " + b"9" * depth,
        b"seed = 1e" + b"9" * depth,
        b"seed = 0x" + b"f" * depth,
        b'seed = "' + b"\\u0000" * depth,
        b"#" * depth + b"\n" + content,
        content + content,
        b"\xef\xbb\xbf" + content,
        content.replace(b"\n", b"\r\n"),
        content.replace(b"\n", b"\r"),
        content.decode().encode("utf-16"),
        random.bytes(depth),
        b"",
    )
    return bytes(pick(random, odd))


def _plan() -> dict[str, Any]:
    return {
        "study": {"name": "fuzz", "trials": 4, "pruner": "median", "warmup": 0.25, "warm_start": ["default"]},
        "train": {"base": "default", "data": {"path": "data.npz"}, "budget": {"epochs": 3}, "model": {"norm": "batch"}},
        "space": {
            "model.width": {"choice": [8, 16, 32]},
            "optimizer.learning_rate": {"float": [1e-4, 1e-1], "log": True},
            "loss.name": {"choice": ["cross_entropy", "focal"]},
            "loss.gamma": {"float": [1.0, 4.0], "when": {"loss.name": ["focal"]}},
        },
        "constraints": {"parameters": 1_000_000},
    }
