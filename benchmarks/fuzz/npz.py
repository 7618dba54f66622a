"""Corrupt and malicious npz data sets."""

import io
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.fuzz.arrays import DTYPES, GROUPS, SHAPES, VALUES
from benchmarks.fuzz.damage import Random, corrupt_bytes, pick

BOMB_MIB = (16, 64, 200)


class Bomb:
    """An object that creates a file when it is unpickled."""

    def __reduce__(self) -> Any:
        return (open, ("escaped", "w"))


def write_npz(random: Random, folder: Path) -> Path:
    """Writes a data set, of which about one in twenty is intact; returns the file."""
    path = folder / "data.npz"
    members = _members(_arrays(random))
    kind = pick(
        random,
        ("bytes",) * 4
        + ("header",) * 5
        + ("values", "values", "groups", "zip", "zip", "zip", "keys", "object", "whole"),
    )
    if kind == "bytes":
        path.write_bytes(corrupt_bytes(random, _archive(members)))
    elif kind == "header":
        key = pick(random, list(members))
        path.write_bytes(_archive({**members, key: _with_wrong_header(random, members[key])}))
    elif kind == "zip":
        path.write_bytes(_odd_archive(random, members))
    elif kind == "keys":
        path.write_bytes(_archive(_odd_keys(random, members)))
    elif random.random() < 0.05:
        path.write_bytes(_archive(_bomb(random)))
    else:
        path.write_bytes(_archive(_members(_odd_arrays(random, kind))))
    return path


def write_npy(random: Random, folder: Path) -> Path:
    """Writes images.npy and masks.npy, one of which may be corrupt; returns the file of images."""
    first, second, *_ = _arrays(random).values()
    members = _members({"images": first, "masks": second} if first.shape[1] != 2 else {"images": second})
    key = pick(random, list(members))
    kind = pick(random, ("bytes", "header", "header", "object", "intact"))
    if kind == "bytes":
        members[key] = corrupt_bytes(random, members[key])
    elif kind == "header":
        members[key] = _with_wrong_header(random, members[key])
    elif kind == "object":
        members[key] = _members({"a": np.array([Bomb(), {"a": 1}], dtype=object)})["a.npy"]
    for name, content in members.items():
        (folder / name).write_bytes(content)
    return folder / "images.npy"


def _arrays(random: Random, count: int = 4) -> dict[str, Any]:
    height, width = pick(random, ((8, 8), (16, 16), (8, 12)))
    dtype = pick(random, ("u1", "u1", "u1", "<i8", "<f4", ">u2"))
    images = random.integers(0, 256, (count, height, width)).astype(dtype)
    masks = random.integers(0, 5, (count, height, width)).astype(dtype)
    tests, groups = images[:2], np.array(["a", "b", "c", "d"])
    if random.random() < 0.2:
        one_hot = np.eye(5, dtype=dtype)[masks.astype(int)]
        return {"x": images, "y": one_hot if random.random() < 0.5 else np.moveaxis(one_hot, -1, 1), "groups": groups}
    if random.random() < 0.5:
        return {"training_set": np.stack([images, masks], axis=1), "test_set": tests, "training_groups": groups}
    return {"images": np.stack([images] * 3, axis=3), "masks": masks, "test_images": tests, "groups": groups}


def _members(arrays: dict[str, Any]) -> dict[str, bytes]:
    members = {}
    for key, array in arrays.items():
        file = io.BytesIO()
        np.lib.format.write_array(file, np.asanyarray(array), allow_pickle=True)
        members[f"{key}.npy"] = file.getvalue()
    return members


def _archive(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def _with_wrong_header(random: Random, member: bytes) -> bytes:
    """The array under a wrong header."""
    file = io.BytesIO(member)
    np.lib.format.read_magic(file)
    shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    data = file.read()
    text = f"'descr': {dtype.str!r}, 'fortran_order': {pick(random, ('False', 'True', '2', '[]'))}, 'shape': {shape}, "
    if random.random() < 0.5:
        text = text.replace(str(shape), pick(random, SHAPES))
    else:
        text = text.replace(repr(dtype.str), pick(random, DTYPES))
    if random.random() < 0.1:
        text += pick(random, ("'more': 1, ", "'shape': (1,), ", "\0", "'é'", "#", "}"))
    header = ("{" + text + "}\n").encode("latin1", "replace")
    version: bytes = pick(random, (b"\1\0",) * 6 + (b"\2\0", b"\3\0", b"\0\0", b"\x09\x09"))
    length = len(header) if random.random() < 0.9 else int(random.integers(0, 65536))
    return b"\x93NUMPY" + version + struct.pack("<H" if version == b"\1\0" else "<I", length) + header + data


def _odd_archive(random: Random, members: dict[str, bytes]) -> bytes:
    """An archive with wrong methods, flags, sizes or offsets, or with repeated members."""
    content = bytearray(_archive(members))
    kind = pick(random, ("field", "field", "field", "double", "method", "nested", "tail", "empty"))
    if kind == "field":
        record = content.find(b"PK\1\2", int(random.integers(len(content) // 2, len(content))))
        place = max(record, 0) + int(random.integers(4, 46))
        if place < len(content):
            content[place] = pick(random, (0, 1, 8, 9, 14, 99, 255))
    elif kind == "method":
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", pick(random, (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, zipfile.ZIP_STORED))) as odd:
            for name, data in members.items():
                odd.writestr(name, data)
        return file.getvalue() if random.random() < 0.3 else corrupt_bytes(random, file.getvalue())
    elif kind == "double":
        return bytes(content) + _archive(dict(list(members.items())[:1]))
    elif kind == "nested":
        return _archive({name: bytes(content) for name in members})
    elif kind == "tail":
        return random.bytes(200) + bytes(content) + random.bytes(70_000)
    else:
        return _archive({})
    return bytes(content)


def _odd_keys(random: Random, members: dict[str, bytes]) -> dict[str, bytes]:
    name, data = pick(random, list(members.items()))
    odd = pick(
        random, ("../escaped.npy", "/escaped.npy", "a\nb.npy", "\x1b[31m.npy", "training_set", "é" * 300 + ".npy")
    )
    if random.random() < 0.1:
        return {f"k{number}.npy": b"" for number in range(3000)}
    return {odd if key == name else key: value for key, value in members.items()} | {odd: data}


def _odd_arrays(random: Random, kind: str) -> dict[str, Any]:
    arrays = _arrays(random)
    key = next(iter(arrays))
    if kind == "groups":
        arrays[list(arrays)[-1]] = pick(random, GROUPS)
    elif kind == "object":
        arrays[pick(random, list(arrays))] = np.array([Bomb(), {"a": 1}], dtype=object)
    elif kind == "values":
        arrays[key] = arrays[key].astype(pick(random, ("<f8", "<f4", "<i8", "<c16", "<U3", "|b1", "<M8[s]")))
        if arrays[key].dtype.kind == "f":
            with np.errstate(over="ignore"):
                arrays[key].flat[int(random.integers(arrays[key].size))] = pick(random, VALUES)
        if random.random() < 0.3:
            arrays[key] = arrays[key][pick(random, (0, slice(0), (slice(None), slice(1)), ..., None))]
    return arrays


def _bomb(random: Random) -> dict[str, bytes]:
    """Zeros that unpack to a thousand times their size, under a correct header."""
    side = int((pick(random, BOMB_MIB) * 2**20 / 8) ** 0.5)
    return _members({"training_set": np.zeros((4, 2, side, side), np.uint8)})
