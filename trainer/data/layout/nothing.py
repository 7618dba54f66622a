"""What is said of a folder in which no images and masks were found."""

from collections import Counter

from trainer.data.layout.scan import Folder, split_name
from trainer.errors import InputError, printable

_MOST = 4  # folders and kinds of files that are named


def nothing_fits(top: Folder) -> InputError:
    """One line: what was looked for, what is there, and what to do."""
    return InputError(
        "a data set's folder must have images/ and masks/, or images and masks in one folder as x.png and x_mask.png; "
        f"got {describe(top)} in {printable(top.path)}; give --images DIR and --masks DIR"
    )


def describe(top: Folder) -> str:
    """How many pictures lie in which folders, and how many other files of which suffixes."""
    counts = [(folder, len(folder.pictures)) for folder in top.walk() if folder.pictures]
    counts.sort(key=lambda one: -one[1])
    words = [f"{count} pictures in {_name(top, folder)}" for folder, count in counts[:_MOST]]
    if len(counts) > _MOST:
        words.append(f"{sum(count for _, count in counts[_MOST:])} in {len(counts) - _MOST} more folders")
    suffixes = Counter(split_name(name)[1] or "other" for folder in top.walk() for name in folder.others)
    words += [f"{count} {printable(suffix)} files" for suffix, count in suffixes.most_common(_MOST)]
    return ", ".join(words) or "no files"


def _name(top: Folder, folder: Folder) -> str:
    return "it" if folder is top else f"{printable(folder.path.relative_to(top.path).as_posix())}/"
