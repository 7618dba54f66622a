"""Corrupt and malicious folders of trained models."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

from benchmarks.fuzz.damage import Random, corrupt_bytes, corrupt_tables, pick
from benchmarks.fuzz.tables import write_config

ESCAPED = "escaped"  # the name of a file that no loader may write
CODE = "4wEAAAAAAAAAAAAAAAIAAAADAAAA8wAAAAA="  # the beginning of a marshalled function
ATTACKS: tuple[dict[str, Any], ...] = (
    {
        "class_name": "Lambda",
        "module": "keras.layers",
        "config": {"function": {"class_name": "__lambda__", "config": {"code": CODE}}},
    },
    {"class_name": "Lambda", "module": "keras.layers", "config": {"function": [CODE, None, None]}},
    {"class_name": "__lambda__", "config": {"value": [CODE, None, None]}},
    {"class_name": "function", "config": "system", "module": "os", "registered_name": "function"},
    {"class_name": "system", "module": "os", "config": f"touch {ESCAPED}", "registered_name": "system"},
    {"class_name": "open", "module": "builtins", "config": {"file": ESCAPED, "mode": "w"}, "registered_name": None},
    {"class_name": "Path", "module": "pathlib", "config": {}, "registered_name": None},
    {"class_name": "get_file", "module": "keras.utils", "config": {"fname": ESCAPED, "origin": f"file:///{ESCAPED}"}},
    {"class_name": "TorchModuleWrapper", "module": "keras.layers", "config": {"module": "gASVAAAAAA=="}},
    {"class_name": "TFSMLayer", "module": "keras.layers", "config": {"filepath": "/etc"}},
    {"class_name": "StringLookup", "module": "keras.layers", "config": {"vocabulary": "/etc/passwd"}},
    {"class_name": "Functional", "module": "keras.src.models.functional", "config": {"layers": []}},
    {
        "class_name": "Dense",
        "module": "keras.layers",
        "config": {"units": 10**12},
        "build_config": {"input_shape": [1, 10**6]},
    },
    {"class_name": "__numpy__", "config": {"value": [1] * 1000, "dtype": "O"}},
    {"class_name": "__tensor__", "config": {"value": [1], "dtype": "nonsense"}},
    {"class_name": "__bytes__", "config": {"value": "é"}},
)
NAMES = (
    f"../../{ESCAPED}",
    f"/{ESCAPED}",
    f"assets/../../{ESCAPED}",
    f"assets/{ESCAPED}",
    "config.json",
    "a\nb",
    "x" * 60_000,
)
SPARSE_HUGE = (10**6, 10**7, 10**9, 2**31, 10**15)


def write_model(random: Random, folder: Path, intact: bytes) -> Path:
    """Writes a corrupt model.keras, made from the intact one, and a configuration; returns the folder."""
    write_config(random, folder) if random.random() < 0.1 else (folder / "config.toml").write_text("seed = 1\n")
    with zipfile.ZipFile(io.BytesIO(intact)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    kind = pick(
        random,
        (
            "bytes",
            "bytes",
            "config",
            "config",
            "config",
            "attack",
            "attack",
            "weights",
            "weights",
            "names",
            "huge",
            "text",
        ),
    )
    if kind == "bytes":
        (folder / "model.keras").write_bytes(corrupt_bytes(random, intact))
        return folder
    if kind == "weights":
        members["model.weights.h5"] = corrupt_bytes(random, members["model.weights.h5"])
    elif kind == "names":
        members[pick(random, NAMES)] = (
            members.pop(pick(random, list(members))) if random.random() < 0.5 else b"stranger"
        )
    elif kind == "text":
        depth = int(random.integers(1, 30_000))
        members["config.json"] = pick(
            random, (b"[" * depth, b'{"a":' * depth, b"", b"null", b"3", b"9" * depth, b"\xff")
        )
    else:
        config = json.loads(members["config.json"])
        members["config.json"] = json.dumps(_corrupt_config(random, config, kind), default=str).encode()
    (folder / "model.keras").write_bytes(_zip(members))
    return folder


def _corrupt_config(random: Random, config: Any, kind: str) -> Any:
    if kind == "config":
        return corrupt_tables(random, config)
    layers = config["config"]["layers"]
    layer = pick(random, layers)
    if kind == "huge":
        sizes = [
            key for key, value in layer["config"].items() if isinstance(value, int) and not isinstance(value, bool)
        ]
        layer["config"][pick(random, [*sizes, "filters", "batch_shape"])] = pick(random, SPARSE_HUGE)
        return config
    attack = pick(random, ATTACKS)
    if random.random() < 0.3:
        return attack
    if random.random() < 0.3:
        layer["config"][pick(random, list(layer["config"]))] = attack
    else:
        layer |= attack
    return config


def _zip(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()
