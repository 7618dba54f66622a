"""Images and masks in one folder: which files are which."""

from collections.abc import Sequence

from trainer.data.disk.read import MASK_SUFFIXES
from trainer.data.layout.files import File
from trainer.data.layout.match import Key, Match, match
from trainer.data.layout.words import names_image, names_mask, names_prediction

Keyed = Sequence[tuple[Key, File]]
_LOSSY = (".jpg", ".jpeg")
_FEWEST_UNKNOWN = 3  # pairs of images and files with an addition to the name that no word explains


def split_single(
    keyed: Keyed, words_only: bool = False
) -> tuple[list[tuple[Key, File]], list[tuple[Key, File]]] | None:
    """Images and masks among the files of folders that hold both; None where nothing says which are masks.

    Where some images seem to have no mask, they are among the images all the same. With `words_only` the names must
    have a word for masks, or be of two kinds of files.
    """
    kinds = _split_by_kind(keyed)
    if kinds is not None:
        return kinds
    keys = {key for key, _ in keyed}
    best: tuple[set[Key], Match] | None = None
    for images, masks in (_split_by_addition(keys), _split_by_words(keys)):
        if not images or not masks:
            continue
        found = match(sorted(images), masks)
        worded = names_mask(" ".join(found.mask_affix))
        if not found.missing and (worded or (not words_only and len(images) > 1 and not _is_output(found))):
            return _pick(keyed, images, masks)
        # A few images without a mask are a mistake to be named; a few with one are chance.
        if (
            worded
            and 2 * len(found.missing) <= len(images)
            and (best is None or len(best[1].missing) > len(found.missing))
        ):
            best = images, found
            kept = masks
    return None if best is None else _pick(keyed, best[0], kept)


def drop_copies(keyed: Keyed, words_only: bool = True) -> list[tuple[Key, File]]:
    """Images without what was made of them: files named as another with a word for masks or predictions added.

    Unless `words_only` any addition counts where every image has one.
    """
    keys = {key for key, _ in keyed}
    images, added = _split_by_addition(keys)
    worded = {key for key in added if _says_output(key, images)}
    found = match(sorted(images), added - worded) if len(images) >= _FEWEST_UNKNOWN and not words_only else None
    drop_all = found is not None and not found.missing
    return [(key, file) for key, file in keyed if key not in (added if drop_all else worded)]


def _split_by_kind(keyed: Keyed) -> tuple[list[tuple[Key, File]], list[tuple[Key, File]]] | None:
    """`a.jpg` with `a.png`: JPEG cannot hold labels, so those are the images."""
    images = [(key, file) for key, file in keyed if file.suffix in _LOSSY]
    masks = [(key, file) for key, file in keyed if file.suffix in MASK_SUFFIXES]
    same = {key for key, _ in images} == {key for key, _ in masks}
    whole = len(images) == len(masks) and len(images) + len(masks) == len(keyed)
    return (images, masks) if same and whole and images else None


def _split_by_addition(keys: set[Key]) -> tuple[set[Key], set[Key]]:
    """Names, and those that are another one with words added before or after it."""
    added = {key for key in keys if _addition(key, keys) is not None}
    return keys - added, added


def _addition(key: Key, keys: set[Key]) -> str | None:
    """What the name adds to the shortest other one of its folder, or None. Numbers alone are no addition."""
    folder, name = key
    edges = [place for place in range(1, len(name)) if name[place - 1].isalnum() != name[place].isalnum()]
    for place in edges:
        if (folder, name[:place]) in keys and any(letter.isalpha() for letter in name[place:]):
            return name[place:]
    for place in reversed(edges):
        if (folder, name[place:]) in keys and any(letter.isalpha() for letter in name[:place]):
            return name[:place]
    return None


def _split_by_words(keys: set[Key]) -> tuple[set[Key], set[Key]]:
    masks = {key for key in keys if names_mask(key[1])}
    rest = {key for key in keys - masks if not names_prediction(key[1])}
    named = {key for key in rest if names_image(key[1])}
    return (named if len(named) * 2 >= len(rest) else rest), masks


def _says_output(key: Key, keys: set[Key]) -> bool:
    text = _addition(key, keys) or ""
    return names_mask(text) or names_prediction(text)


def _is_output(found: Match) -> bool:
    return names_prediction(" ".join(found.mask_affix))


def _pick(keyed: Keyed, images: set[Key], masks: set[Key]) -> tuple[list[tuple[Key, File]], list[tuple[Key, File]]]:
    return [one for one in keyed if one[0] in images], [one for one in keyed if one[0] in masks]
