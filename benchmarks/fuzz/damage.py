"""Random damage to any file or table, and values that are wrong for most keys."""

import datetime
from typing import Any

import numpy as np

Random = np.random.Generator

WRONG: tuple[Any, ...] = (
    0,
    -1,
    1,
    2**31,
    2**63 - 1,
    0.0,
    -0.5,
    1e308,
    float("nan"),
    float("inf"),
    "",
    "none",
    "x" * 5000,
    "a\nb",
    "\x1b[31m",
    "../../etc/passwd",
    "/dev/null",
    True,
    [],
    [0],
    [1, [2, ["three"]]],
    [1e-4, 1e-1],
    {},
    {"a": {"b": {"c": 1}}},
    datetime.date(2026, 11, 1),
    datetime.time(1, 2, 3),
)


def pick(random: Random, choices: Any) -> Any:
    """One of the choices; unlike `random.choice` it is not converted to a NumPy type."""
    return choices[int(random.integers(len(choices)))]


def corrupt_bytes(random: Random, intact: bytes) -> bytes:
    """The content of a file with some of its bytes changed, removed, doubled or inserted."""
    if not intact:
        return b"\0"
    corrupt = bytearray(intact)
    kind = pick(random, ("bits", "bytes", "bytes", "cut", "zeros", "double", "insert"))
    start, end = sorted(int(place) for place in random.integers(0, len(intact), 2))
    if kind == "bits":
        for place in random.integers(0, len(intact), 1 + int(random.integers(4))):
            corrupt[int(place)] ^= 1 << int(random.integers(8))
    elif kind == "bytes":
        for place in random.integers(0, len(intact), 1 + int(random.integers(20))):
            corrupt[int(place)] = int(random.integers(256))
    elif kind == "cut":
        del corrupt[start:]
    elif kind == "zeros":
        corrupt[start:end] = bytes(end - start)
    elif kind == "double":
        corrupt[end:end] = corrupt[start:end]
    else:
        corrupt[start:start] = random.bytes(1 + int(random.integers(64)))
    return bytes(corrupt)


def corrupt_tables(random: Random, tables: Any) -> Any:
    """Plain tables or lists with one to three of their values replaced, renamed, removed or added."""
    for _ in range(1 + int(random.integers(3))):
        tables = _corrupt_node(random, tables)
    return tables


def _corrupt_node(random: Random, node: Any) -> Any:
    """One change in the node itself or, more often, somewhere below it."""
    if isinstance(node, dict) and node:
        key = pick(random, list(node))
        if isinstance(node[key], dict | list) and random.random() < 0.75:
            return {**node, key: _corrupt_node(random, node[key])}
        return _corrupt_key(random, node, key)
    if isinstance(node, list) and node:
        place = int(random.integers(len(node)))
        shorter = [item for at, item in enumerate(node) if at != place]
        changed = [_corrupt_node(random, item) if at == place else item for at, item in enumerate(node)]
        return pick(random, (shorter, changed, node + node, [*node, pick(random, WRONG)]))
    return pick(random, WRONG)


def _corrupt_key(random: Random, table: dict[str, Any], key: str) -> dict[str, Any]:
    kind = pick(random, ("value", "value", "value", "rename", "remove", "add"))
    if kind == "value":
        return {**table, key: pick(random, WRONG)}
    others = {name: value for name, value in table.items() if name != key or kind == "add"}
    if kind == "remove":
        return others
    return {**others, pick(random, (key[:-1], key + "s", "", "é\n", "a.b", "\x1b[31m", "__class__")): table[key]}
