"""Where predicted masks are written: never over their images, nor over files that were not predicted."""

import csv
import json
import os
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from trainer.errors import InputError
from trainer.files import atomic_write

SUFFIXES = (".npz", ".csv", "")  # none: a folder of pictures
MANIFEST = "predicted.json"  # in a folder: the files that were predicted into it
_MEMBERS = {"masks.npy", "names.npy"}
_MAX_HEADER = 4096  # characters of a table's first line that are looked at
_PARTIAL = ".partial-"


@dataclass(frozen=True)
class Outputs:
    """The files of one image, relative to the folder."""

    mask: str
    overlay: str | None
    probabilities: str | None

    def files(self) -> list[str]:
        """Those that are written."""
        return [file for file in (self.mask, self.overlay, self.probabilities) if file is not None]


def name_outputs(name: str, overlay: bool = False, probabilities: bool = False) -> Outputs:
    """The files of the image of a name, dots and sub-folders kept: `a/b.v1` -> `a/b.v1.png`."""
    return Outputs(
        f"{name}.png",
        f"overlay/{name}.png" if overlay else None,
        f"probabilities/{name}.npy" if probabilities else None,
    )


def table_suffix(out: Path) -> str:
    """`.npz` or `.csv`, or nothing where `out` is a folder. Raises InputError for another suffix."""
    suffix = "" if out.is_dir() else out.suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(f"masks are written as .npz, .csv or a folder; got {out.suffix}; change the name after -o")
    return suffix


def check_inputs(out: Path, inputs: Iterable[Path]) -> None:
    """Raises InputError if `out` is an input file, or a folder that has one in it, symbolic links followed."""
    target = out.resolve()
    for path in inputs:
        for place in _places(path):
            if target == place or target in place.parents:
                raise InputError(
                    f"masks must not be written over their images; got {out}, where {path} lies; choose another with -o"
                )


def check_folder(out: Path, outputs: Sequence[Outputs], inputs: Iterable[Path]) -> list[str]:
    """The files that a folder lists as predicted, with those to be written now. Writes nothing.

    Raises InputError where the folder is a file, or has others' files; where a file to be written is an image, lies
    outside the folder by a symbolic link, or is the file of two images.
    """
    planned = [file for image in outputs for file in image.files()]
    _check_unique(planned, out)
    listed = _list_predicted(out)
    images = {place for path in inputs for place in _places(path)}
    root = out.resolve()
    for file in planned:
        path = out / file
        if os.path.lexists(path) and file not in listed:
            raise InputError(
                f"predicted masks replace predicted ones alone; got {path}, which predict did not write; "
                "choose another folder with -o"
            )
        place = path.resolve()
        if place in images or not place.is_relative_to(root):
            raise InputError(f"predicted masks must lie in their folder; got {path}, a link out of {out}; remove it")
    return sorted({*listed, *planned})


def write_manifest(out: Path, files: Sequence[str]) -> None:
    """Records, before they are written, the files of a folder that later predictions may replace."""
    with atomic_write(out / MANIFEST) as partial:
        partial.write_text(json.dumps({"predicted": list(files)}, indent=1) + "\n", "utf-8")


def check_table(out: Path) -> None:
    """Raises InputError if something is at `out` that is not a table of masks as predict writes it."""
    if not os.path.lexists(out):
        return
    if not (_is_predicted_npz(out) if out.suffix.lower() == ".npz" else _is_predicted_csv(out)):
        raise InputError(
            f"predicted masks replace predicted ones alone; got {out}, which predict did not write; "
            "choose another name with -o"
        )


def _places(path: Path) -> tuple[Path, Path]:
    """Where a file lies: under its own name, and at the end of its symbolic links."""
    return path.parent.resolve() / path.name, path.resolve()


def _check_unique(planned: Sequence[str], out: Path) -> None:
    seen = set()
    for file in planned:
        if file in seen or file == MANIFEST:
            raise InputError(
                f"every image must have a name of its own; got two for {out / file}; predict them into two folders"
            )
        if Path(file).is_absolute() or ".." in Path(file).parts:
            raise InputError(f"an image's name must lead into the folder after -o; got {file}; rename the image")
        seen.add(file)


def _list_predicted(out: Path) -> set[str]:
    """The files that a folder lists as predicted; none where it is new or empty."""
    if not os.path.lexists(out):
        return set()
    if not out.is_dir():
        raise InputError(f"masks are written into a folder; got {out}, a file; choose another with -o")
    path = out / MANIFEST
    if path.is_file() and not path.is_symlink():
        try:
            return {str(file) for file in json.loads(path.read_text("utf-8"))["predicted"]}
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            raise InputError(
                f"{MANIFEST} must list the files that predict wrote; got {path}, which does not; remove it"
            ) from None
    others = sorted(entry for entry in os.listdir(out) if not entry.startswith(_PARTIAL))
    if others:
        raise InputError(
            f"a folder for masks must be new, empty, or one that predict wrote; got {out} with {others[0]} in it; "
            "choose another with -o"
        )
    return set()


def _is_predicted_npz(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return set(archive.namelist()) == _MEMBERS
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError):
        return False


def _is_predicted_csv(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open(encoding="utf-8", errors="replace") as file:
        head = file.readline(_MAX_HEADER)
    first = list(islice(next(csv.reader([head]), []), 3))
    return first[:2] in (["id", "0"], ["name", "0"]) and first[2:] in ([], ["1"])
