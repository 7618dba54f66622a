"""Arrays of npz and npy files. Headers are checked before memory is allocated, and nothing is unpickled."""

import math
import warnings
import zipfile
from collections.abc import Iterator, Set
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from trainer.data.disk.refusal import first_line
from trainer.data.memory import check_memory
from trainer.errors import InputError, printable


@contextmanager
def open_npz(path: Path) -> Iterator[zipfile.ZipFile]:
    """Opens an archive; whatever its bytes are, every failure within is an InputError of one line."""
    try:
        # NumPy warns about headers of Python 2 and odd literals; they are read or refused without a warning.
        with warnings.catch_warnings(), zipfile.ZipFile(path) as archive:
            warnings.simplefilter("ignore")
            yield archive
    except (InputError, MemoryError):
        raise
    except zipfile.BadZipFile as error:
        raise InputError(
            f"a data set must be a whole npz file; got {printable(path)}: {first_line(error)}; fetch it again"
        ) from None
    except Exception as error:  # NumPy and zipfile raise many types on damaged bytes
        raise InputError(
            f"an npz file must be readable; got {printable(path)}: {first_line(error)}; fetch it again"
        ) from None


def list_keys(archive: zipfile.ZipFile) -> set[str]:
    """The names of the arrays."""
    return {name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")}


def show_keys(keys: Set[str]) -> str:
    """A few of the names, for people."""
    shown = sorted(printable(key)[:40] for key in keys)[:8]
    return ", ".join(shown) + (", ..." if len(keys) > 8 else "") if keys else "no arrays"


def read_member(archive: zipfile.ZipFile, key: str) -> NDArray[Any]:
    """One array of an archive. Raises InputError."""
    info = archive.getinfo(f"{key}.npy")
    with archive.open(info) as member:
        declared = _check_header(member, info.file_size, key)
        check_memory(2 * declared, f"{printable(key)} and its copy while it is read")
    with archive.open(info) as member:
        return np.asarray(npy.read_array(member, allow_pickle=False))


def map_npy(path: Path) -> NDArray[Any]:
    """The array of an npy file, mapped rather than read. Raises InputError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with path.open("rb") as file:
                _check_header(file, path.stat().st_size, printable(path))
            return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except (InputError, MemoryError):
        raise
    except Exception as error:
        raise InputError(
            f"an npy file must be readable; got {printable(path)}: {first_line(error)}; fetch it again"
        ) from None


def _check_header(file: IO[bytes], size: int, key: str) -> int:
    """The bytes of the array, as the header says. Raises InputError where the file, of `size` bytes, has others."""
    shape, dtype = _read_header(file, printable(key))
    declared = math.prod(shape) * dtype.itemsize
    if declared != size - file.tell():
        raise InputError(
            f"{printable(key)} must hold the {declared:,} bytes that its header declares; "
            f"got {size - file.tell():,}; save the file again"
        )
    return declared


def _read_header(member: IO[bytes], key: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = npy.read_magic(member)
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    if version not in readers:
        raise InputError(f"{key} must be in version 1 or 2 of the npy format; got {version}; save it with np.savez")
    shape, _, dtype = readers[version](member)
    if dtype.hasobject:
        raise InputError(f"{key} must be plain numbers or text; got dtype {dtype}; pickled objects are not read")
    if any(length < 0 for length in shape):
        raise InputError(f"{key} must have lengths of 0 and more; got shape {shape}; save the file again")
    return shape, dtype
