"""Which mask belongs to which image, by names alone."""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

from trainer.data.layout.words import rank_affix

Key = tuple[str, str]  # folder below the images' or the masks' one, and name without suffix
Affix = tuple[str, str]  # what stands before and after what images and masks have in common

_MOST_CUTS = 12  # of a common prefix or suffix
_MOST_CANDIDATES = 30  # affixes of masks for one affix of images
_SAMPLE = 20


@dataclass(frozen=True)
class Match:
    """A rule for names, and what it pairs."""

    image_affix: Affix
    mask_affix: Affix
    pairs: dict[Key, Key]  # mask of each image that has one
    missing: tuple[Key, ...]  # images without a mask
    rival: Affix | None = None  # another affix of masks that fits as well

    def mask_of(self, image: Key) -> Key:
        """The mask that the rule gives an image, whether there is one or not."""
        return image[0], self.mask_affix[0] + core_of(image[1], self.image_affix) + self.mask_affix[1]


def core_of(name: str, affix: Affix) -> str:
    """The name without affix."""
    return name[len(affix[0]) : len(name) - len(affix[1])]


Text = TypeVar("Text", str, list[str])


def common_start(texts: Collection[Text]) -> int:
    """How many letters, or whatever they consist of, all begin with."""
    first, last = min(texts), max(texts)
    pairs = zip(first, last, strict=False)
    return next((place for place, (one, other) in enumerate(pairs) if one != other), min(len(first), len(last)))


def match(images: Collection[Key], masks: Collection[Key]) -> Match:
    """The rule that gives the most images a mask: equal names, else constant prefixes and suffixes.

    A rule is one-to-one, since names are unique in their folder and affixes are constant.
    """
    known = frozenset(masks)
    best = _apply(images, known, ("", ""), ("", ""))
    if not best.missing or not images:
        return best
    by_folder: dict[str, list[str]] = {}
    for folder, name in sorted(known, key=lambda key: (len(key[1]), key)):
        by_folder.setdefault(folder, []).append(name)
    probes = sorted(images, key=lambda key: (len(key[1]), key))
    for image_affix in _image_affixes(images):
        found = [
            _apply(images, known, image_affix, mask_affix)
            for mask_affix in _mask_affixes(probes, image_affix, by_folder)
            if _fits_some(probes, known, image_affix, mask_affix)
        ]
        whole = sorted((one for one in found if not one.missing), key=_rank)
        if whole:
            rival = whole[1] if len(whole) > 1 and _rank(whole[0])[:2] == _rank(whole[1])[:2] else None
            return _with_separators(replace(whole[0], rival=rival.mask_affix if rival else None))
        best = min([best, *found], key=lambda one: len(one.missing))
    return best


def _with_separators(rule: Match) -> Match:
    """The same rule, with separators that all names have beside what is constant: `*_image` in place of `*image`."""
    cores = {core_of(name, rule.image_affix) for _, name in rule.pairs}
    if rule.rival is not None or "" in cores:
        return rule
    before, after = (_common_separator({core[place] for core in cores}) for place in (0, -1))
    if min(map(len, cores)) <= len(before + after):
        return rule
    grown = [(affix[0] + before, after + affix[1]) for affix in (rule.image_affix, rule.mask_affix)]
    return replace(rule, image_affix=grown[0], mask_affix=grown[1])


def _common_separator(letters: set[str]) -> str:
    letter = next(iter(letters))
    return letter if len(letters) == 1 and not letter.isalnum() else ""


def _rank(rule: Match) -> tuple[bool, int, int]:
    before, after = rule.mask_affix
    return *rank_affix(f"{before} {after}"), len(before) + len(after)


def _apply(images: Collection[Key], masks: Collection[Key], image_affix: Affix, mask_affix: Affix) -> Match:
    rule = Match(image_affix, mask_affix, {}, ())
    pairs = {image: mask for image in images if (mask := rule.mask_of(image)) in masks}
    return Match(image_affix, mask_affix, pairs, tuple(image for image in images if image not in pairs))


def _fits_some(probes: list[Key], masks: Collection[Key], image_affix: Affix, mask_affix: Affix) -> bool:
    """Whether the rule fits most of a sample: most rules are wrong, and need not be applied to all."""
    rule = Match(image_affix, mask_affix, {}, ())
    sample = probes[:: max(1, len(probes) // _SAMPLE)]
    return 2 * sum(rule.mask_of(image) in masks for image in sample) >= len(sample)


def _image_affixes(images: Collection[Key]) -> Iterator[Affix]:
    """Constant prefixes and suffixes of the images' names, the shortest first; none splits a number."""
    names = {name for _, name in images}
    before, after = common_start(names), common_start([name[::-1] for name in names])
    shortest = min(len(name) for name in names)
    one = min(names)
    starts = [length for length in _cuts(one, before) if length <= shortest]
    ends = [length for length in _cuts(one[::-1], after) if length <= shortest]
    pairs = sorted(((start, end) for start in starts for end in ends), key=lambda pair: (sum(pair), pair))
    # In folders of their own images may all have one name; then nothing is left of it.
    least = 0 if len(names) == 1 and len(images) > 1 else 1
    for start, end in pairs:
        affix = one[:start], one[len(one) - end :]
        if start + end <= shortest - least and (len(names) > 1 or not least or _may_stand_alone(affix)):
            yield affix


def _may_stand_alone(affix: Affix) -> bool:
    """With a single image all of its name is constant: its numbers are what a mask must have too, but for channels."""
    before, after = affix
    after = after.removesuffix("_0000")
    return not any(letter.isdigit() for letter in before + after)


def _cuts(name: str, most: int) -> list[int]:
    """Lengths of prefixes up to `most`, 0 included, that end where the kind of letters changes; and `most` itself."""
    lengths = [length for length in range(1, most + 1) if _is_edge(name, length)]
    split_number = 0 < most < len(name) and name[most - 1].isdigit() and name[most].isdigit()
    return sorted({0, *lengths[: _MOST_CUTS // 2], *lengths[-_MOST_CUTS // 2 :], *([] if split_number else [most])})


def _is_edge(name: str, place: int) -> bool:
    return place == len(name) or _kind(name[place - 1]) != _kind(name[place])


def _kind(letter: str) -> int:
    return 0 if letter.isdigit() else 1 if letter.isalpha() else 2


def _mask_affixes(probes: list[Key], image_affix: Affix, by_folder: dict[str, list[str]]) -> list[Affix]:
    """Affixes of masks that some images suggest, the most frequent first."""
    counts: Counter[Affix] = Counter()
    for folder, name in {probes[-1], probes[0], probes[len(probes) // 2]}:
        core = core_of(name, image_affix)
        for mask in by_folder.get(folder, ()):
            place = mask.find(core)
            if place >= 0 and not _splits_number(mask, place, len(core)):
                counts[mask[:place], mask[place + len(core) :]] += 1
    return [affix for affix, _ in counts.most_common(_MOST_CANDIDATES)]


def _splits_number(name: str, place: int, length: int) -> bool:
    end = place + length
    starts = 0 < place < len(name) and name[place - 1].isdigit() and name[place].isdigit()
    return starts or (0 < end < len(name) and name[end - 1].isdigit() and name[end].isdigit())
