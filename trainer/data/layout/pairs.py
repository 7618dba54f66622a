"""Pairs image files with mask files, or says in one line why that cannot be."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainer.data.disk.read import MASK_SUFFIXES
from trainer.data.layout.files import File, by_key
from trainer.data.layout.match import Affix, Key, Match, common_start, match
from trainer.errors import InputError, printable

Keyed = Sequence[tuple[Key, File]]
_CHANNEL = re.compile(r"_\d{4}$")  # of nnU-Net
_NUMBERED = re.compile(r"[ _.\-]*\(?\d+\)?$")


@dataclass(frozen=True)
class Choice:
    """Files that may be the masks."""

    shown: str  # their folder, for people
    files: Keyed


@dataclass(frozen=True)
class Pairing:
    """Images with their masks, and the rule of their names for people."""

    pairs: list[tuple[File, Path | None]]
    rule: str


def pair_files(images: Keyed, choices: Iterable[Choice], shown: str, optional: bool = False) -> Pairing:
    """Each image with its mask, of the first choice in which all have one.

    With `optional`, images may have none. Raises InputError otherwise, and where several masks fit one image.
    """
    known = by_key(images)
    best: tuple[Match, Choice, dict[Key, Key]] | None = None
    for choice in choices:
        masks = {key for key, _ in choice.files}
        for keys in _variants(list(known), masks):
            found = match(list(keys.values()), masks)
            if best is None or len(found.missing) < len(best[0].missing):
                best = found, choice, keys
            if not found.missing:
                break
        if best is not None and not best[0].missing:
            break
    if best is None or (optional and not best[0].pairs):
        if not optional:
            raise _no_mask(next(iter(known.values())))
        return Pairing([(file, None) for file in known.values()], f"{shown} without masks")
    return _pair(known, *best, shown, optional)


def _variants(images: list[Key], masks: set[Key]) -> Iterable[dict[Key, Key]]:
    """Keys to match by: as they are; without folders that all images are in; without any folders."""
    yield {key: key for key in images}
    paths = [key[0].partition("/")[2].split("/") for key in images]
    common = common_start(paths)
    if common and paths[0] != [""]:
        tails = ["/".join(path[common:]) for path in paths]
        yield {key: (f"{_site(key)}/{tail}", key[1]) for key, tail in zip(images, tails, strict=True)}
    folders = {key[0] for key in images}
    flat = {key: (f"{_site(key)}/", key[1]) for key in images}
    if len(folders) > 1 and len(set(flat.values())) == len(flat) and not folders & {key[0] for key in masks}:
        yield flat


def _site(key: Key) -> str:
    return key[0].partition("/")[0]


def _pair(
    known: dict[Key, File], found: Match, choice: Choice, keys: dict[Key, Key], shown: str, optional: bool
) -> Pairing:
    masks: dict[Key, list[File]] = {}
    for key, file in choice.files:
        masks.setdefault(key, []).append(file)
    by_new = {new: known[old] for old, new in keys.items()}
    if found.missing and not optional:
        raise _missing(found, by_new, masks, choice)
    if found.rival is not None and not optional:
        image, mask = next(iter(found.pairs.items()))
        rival = Match(found.image_affix, found.rival, {}, ()).mask_of(image)
        raise _several(by_new[image], masks[mask][0], masks[rival][0])
    taken = set(found.pairs.values())
    owners = {mask: image for image, mask in found.pairs.items()}
    for folder, name in masks:
        one = folder, _NUMBERED.sub("", name)
        if not optional and name != one[1] and one in taken and (folder, name) not in taken:
            raise _several(by_new[owners[one]], masks[one][0], masks[folder, name][0])
    pairs: list[tuple[File, Path | None]] = []
    for new, file in by_new.items():
        pair = found.pairs.get(new)
        pairs.append((file, None if pair is None else _choose(file, masks[pair]).path))
    return Pairing(pairs, _describe(found, shown, choice.shown))


def _choose(image: File, masks: list[File]) -> File:
    """The one file of a mask's name. JPEG cannot hold labels; where there is no other, its reader says so."""
    fit = [file for file in masks if file.suffix in MASK_SUFFIXES] or masks
    if len(fit) > 1:
        raise _several(image, fit[0], fit[1])
    return fit[0]


def _describe(found: Match, images: str, masks: str) -> str:
    if found.image_affix == found.mask_affix == ("", "") and images != masks:
        return f"{images} with {masks}, pairs by name"
    ours, theirs = _pattern(found.image_affix), _pattern(found.mask_affix)
    return f"{ours} with {theirs} in {images}" if images == masks else f"{ours} in {images} with {theirs} in {masks}"


def _pattern(affix: Affix) -> str:
    return printable(f"{affix[0]}*{affix[1]}")


def _missing(found: Match, images: dict[Key, File], masks: dict[Key, list[File]], choice: Choice) -> InputError:
    image = found.missing[0]
    channels: dict[Key, list[Key]] = {}
    for key in images:
        channels.setdefault((key[0], _CHANNEL.sub("", key[1])), []).append(key)
    several = next((keys for key, keys in channels.items() if len(keys) > 1 and key in masks), None)
    if several:
        return InputError(
            f"an image must be one file with all its channels; got {printable(images[several[0]].path)} and "
            f"{printable(images[several[1]].path.name)} for one mask; join them, or leave one channel alone"
        )
    folder, name = found.mask_of(image)
    inside = [files[0] for key, files in masks.items() if key[0] == folder]
    alone = sum(key[0] == folder for key in images) == 1
    if not found.pairs and alone and len(inside) > 1:
        return _several(images[image], inside[0], inside[1])
    sample = inside[0] if inside else next(iter(masks.values()))[0]
    among = "" if found.pairs else f" among {len(masks)} masks such as {printable(sample.path.name)}"
    new = (sample.path.parent.name if inside else choice.shown.rstrip("/")) + f"/{name}{_suffix(sample)}"
    return InputError(
        f"every image must have a mask; got none for {printable(images[image].path)}{among}; add {printable(new)}"
    )


def _suffix(sample: File) -> str:
    return ".png" if sample.suffix in (".jpg", ".jpeg") else sample.suffix


def _no_mask(image: File) -> InputError:
    return InputError(
        f"every image must have a mask; got none for {printable(image.path)}; add masks/{printable(image.stem)}.png"
    )


def _several(image: File, first: File, second: File) -> InputError:
    return InputError(
        f"every image must have one mask; got {printable(first.path)} and {printable(second.path.name)} for "
        f"{printable(image.path)}; join them into one, or take one kind away"
    )
