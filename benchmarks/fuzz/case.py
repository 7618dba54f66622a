"""One corrupt input, which its kind and seed determine, and the loader that would read it."""

import os
import tempfile
from collections.abc import Callable
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np

from benchmarks.fuzz.backups import write_backup
from benchmarks.fuzz.models import ESCAPED, write_model
from benchmarks.fuzz.npz import write_npy, write_npz
from benchmarks.fuzz.pictures import write_pictures
from benchmarks.fuzz.rows import read_array_file, read_pictures
from benchmarks.fuzz.tables import write_config, write_plan
from benchmarks.fuzz.tiffs import write_tiff
from storage.backup.check import check_backup
from storage.backup.read import open_backup
from storage.errors import StorageError
from trainer.configfile import load_config
from trainer.errors import InputError
from trainer.result.folder import read_config

READ, REFUSED = "read", "refused"  # any other outcome is a finding


@dataclass(frozen=True)
class Case:
    """What determines a case."""

    kind: str
    seed: int

    def random(self) -> np.random.Generator:
        """The case's random number generator."""
        return np.random.default_rng([crc32(self.kind.encode()), self.seed])


WRITERS: dict[str, Callable[[np.random.Generator, Path], Path]] = {
    "npz": write_npz,
    "npy": write_npy,
    "pictures": write_pictures,
    "tiff": write_tiff,
    "config": write_config,
    "plan": write_plan,
    "backup": write_backup,
}


def write_case(case: Case, folder: Path, model: bytes | None = None) -> Path:
    """Writes the case's input into an empty folder; returns the path to read.

    Args:
        model: an intact model.keras, for a case of kind "model".
    """
    if case.kind != "model":
        return WRITERS[case.kind](case.random(), folder)
    assert model is not None
    return write_model(case.random(), folder, model)


def try_case(case: Case, model: bytes | None = None) -> str:
    """Writes and reads the case in a temporary folder; returns READ, REFUSED, or what is wrong."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as top:
        folder = Path(top, "a", "b")  # so that a path that leaves it by ../.. is still inside `top`
        folder.mkdir(parents=True)
        with chdir(folder):
            source = write_case(case, folder, model)
            outcome = read(case, source)
        made = [name for _, folders, files in os.walk(top) for name in (*folders, *files)]
    return f"wrote {ESCAPED}" if any(name.startswith(ESCAPED) for name in made) else outcome


def read(case: Case, source: Path) -> str:
    """Reads the source as a command would; returns READ, REFUSED, or what is wrong."""
    try:
        _load(case, source)
    except (InputError, StorageError) as error:
        line = " ".join(str(error).split())  # as the command line shows it
        return REFUSED if line.isprintable() else f"unprintable: {line!a}"
    except MemoryError:
        return "MemoryError"
    except Exception as error:
        return f"traceback: {type(error).__name__}: {str(error)[:200]!a}"
    return READ


def _load(case: Case, source: Path) -> None:
    if case.kind in ("npz", "npy"):
        read_array_file(source, require_masks=bool(case.seed % 3))
    elif case.kind in ("pictures", "tiff"):
        read_pictures(source)
    elif case.kind == "config":
        load_config(source)
    elif case.kind == "plan":
        from search.study.plan import load_plan  # with Optuna

        load_plan(source)
    elif case.kind == "backup":
        _load_backup(source)
    else:
        read_config(source)
        from trainer.result.save import load_result  # with Keras

        load_result(source)


def _load_backup(source: Path) -> None:
    from search.study.question import check_stored_question  # with Optuna

    with open_backup(source) as backup:
        check_backup(backup, check_question=check_stored_question)
