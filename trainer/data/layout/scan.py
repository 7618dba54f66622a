"""The files under a folder, by name: nothing is opened."""

import os
import unicodedata
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from trainer.data.disk.read import IMAGE_SUFFIXES, MASK_SUFFIXES
from trainer.errors import InputError, printable

GROUPS_FILE = "groups.csv"
_PICTURES = frozenset((*IMAGE_SUFFIXES, *MASK_SUFFIXES))
_SKIPPED = frozenset(("Thumbs.db", "desktop.ini", "__MACOSX", "lost+found", "$RECYCLE.BIN"))  # beside hidden ones
_MOST_FILES = 2_000_000  # more are a whole disk, given by mistake
_MOST_LEVELS = 40


@dataclass
class Folder:
    """A folder, its files and its sub-folders, each in the order of their names."""

    path: Path
    level: int = 0
    pictures: list[str] = field(default_factory=list)  # names of files with a picture's suffix
    others: list[str] = field(default_factory=list)  # names of other files
    strange: list[str] = field(default_factory=list)  # named as pictures: pipes, devices and broken links
    folders: dict[str, "Folder"] = field(default_factory=dict)
    count: int = 0  # of the pictures in it and under it

    def walk(self) -> Iterator["Folder"]:
        """This folder and all under it."""
        yield self
        for folder in self.folders.values():
            yield from folder.walk()

    def files(self) -> Iterator[Path]:
        """The paths of all files in it and under it."""
        for folder in self.walk():
            for name in (*folder.pictures, *folder.others, *folder.strange):
                yield folder.path / name


def split_name(name: str) -> tuple[str, str]:
    """A file's name without suffix, as Unicode NFC and without outer blanks, and its suffix in lower case."""
    stem, suffix = os.path.splitext(name)
    return unicodedata.normalize("NFC", stem).strip() or stem, suffix.lower()


def is_picture(name: str | Path) -> bool:
    """Whether the name ends as that of a picture."""
    return split_name(os.path.basename(name))[1] in _PICTURES


def scan(root: Path) -> Folder:
    """All that lies under a folder; hidden files are left out. Raises InputError where a folder cannot be read.

    Links to folders are followed where what they lead to was not found already: so loops end.
    """
    top = Folder(root)
    seen = {_identity(root)}
    pending, links = deque([top]), deque[tuple[Folder, str]]()
    files = 0
    while pending or links:
        if pending:
            folder = pending.popleft()
            found = _list(folder, links)
            files += len(folder.pictures) + len(folder.others)
        else:
            folder, name = links.popleft()
            found = [name]
        for name in found:
            identity = _identity(folder.path / name)
            if identity not in seen:
                seen.add(identity)
                folder.folders[name] = Folder(folder.path / name, folder.level + 1)
                pending.append(folder.folders[name])
        if files > _MOST_FILES or folder.level > _MOST_LEVELS:
            raise InputError(
                f"a data set's folder must have at most {_MOST_FILES:,} files, {_MOST_LEVELS} folders deep; "
                f"got more in {printable(root)}; name the folder of the data set alone"
            )
    _finish(top)
    return top


def _list(folder: Folder, links: deque[tuple[Folder, str]]) -> list[str]:
    """Fills the lists of files; returns the names of sub-folders, and adds those behind links to `links`."""
    found = []
    try:
        with os.scandir(folder.path) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.name in _SKIPPED:
                    continue
                if _is_dir(entry):
                    links.append((folder, entry.name)) if entry.is_symlink() else found.append(entry.name)
                elif is_picture(entry.name):
                    (folder.pictures if _is_file(entry) else folder.strange).append(entry.name)
                else:
                    folder.others.append(entry.name)
    except OSError as error:
        raise _unreadable(folder.path, error) from None
    return sorted(found)


def _is_dir(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:
        return False


def _identity(path: Path) -> tuple[int, int]:
    try:
        status = os.stat(path)
    except OSError as error:
        raise _unreadable(path, error) from None
    return status.st_dev, status.st_ino


def _unreadable(path: Path, error: OSError) -> InputError:
    return InputError(
        f"a data set's folder must be readable; got {printable(path)}: {error.strerror}; allow it, or take it away"
    )


def _finish(folder: Folder) -> int:
    """Brings names into their order, and counts pictures."""
    for names in (folder.pictures, folder.others, folder.strange):
        names.sort()
    folder.folders = dict(sorted(folder.folders.items()))
    folder.count = len(folder.pictures) + sum(_finish(child) for child in folder.folders.values())
    return folder.count
