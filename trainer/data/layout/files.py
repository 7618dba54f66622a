"""Picture files as keys of a matching: their folder, and their name without suffix."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainer.data.layout.match import Key
from trainer.data.layout.scan import Folder, split_name
from trainer.errors import InputError, printable


@dataclass(frozen=True)
class File:
    """A picture file under a folder of images or masks."""

    path: Path
    folders: tuple[str, ...]  # between that folder and the file
    stem: str
    suffix: str
    top: Path  # that folder

    @property
    def name(self) -> str:
        """The path under its folder, without suffix."""
        return "/".join((*self.folders, self.stem))


def list_files(folder: Folder, deep: bool = True, without: Iterable[Path] = ()) -> list[File]:
    """The pictures of a folder, and of those under it unless they are in `without`.

    Raises InputError for one that is no plain file.
    """
    left_out = set(without)
    files: list[File] = []
    pending: list[tuple[Folder, tuple[str, ...]]] = [(folder, ())]
    while pending:
        one, folders = pending.pop()
        if one.strange:
            raise InputError(
                f"an image must be a plain file; got {printable(one.path / one.strange[0])}, "
                "a pipe, device or broken link; remove it"
            )
        files += [File(one.path / name, folders, *split_name(name), folder.path) for name in one.pictures]
        if deep:
            below = [(child, (*folders, normal(name))) for name, child in one.folders.items()]
            pending += [(child, names) for child, names in below if child.path not in left_out]
    return files


def normal(text: str) -> str:
    """Unicode NFC without outer blanks."""
    return unicodedata.normalize("NFC", text).strip()


def key_files(files: Sequence[File], prefix: str = "") -> list[tuple[Key, File]]:
    """Each file with its key; `prefix` keeps apart what has the same folders elsewhere."""
    return [((f"{prefix}/{'/'.join(file.folders)}", file.stem), file) for file in files]


def by_key(pairs: Iterable[tuple[Key, File]]) -> dict[Key, File]:
    """Image files by key. Raises InputError where two of one folder have one name."""
    known: dict[Key, File] = {}
    for key, file in pairs:
        other = known.setdefault(key, file)
        if other is not file:
            first, second = sorted((other.path, file.path))
            raise InputError(
                f"two images must not share a name; got {printable(first)} and {printable(second.name)}; rename one"
            )
    return known
