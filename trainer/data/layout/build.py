"""From the folders of a data set to its images with masks, each on its side."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from trainer.data.item import Item, Picture, Side
from trainer.data.layout.files import File, by_key, key_files, list_files, normal
from trainer.data.layout.pairs import Choice, Pairing, pair_files
from trainer.data.layout.problems import SIDES, find_problems, show
from trainer.data.layout.single import Keyed, drop_copies, split_single
from trainer.data.layout.sites import Site
from trainer.errors import InputError, printable

Pairs = list[tuple[File, Path | None]]


@dataclass
class Found:
    """Items of a folder, without groups, and how they were found."""

    items: list[Item] = field(default_factory=list)  # training, validation, test; each by the path of the image
    rules: list[str] = field(default_factory=list)  # for people
    lists: list[Path] = field(default_factory=list)  # files that say which images are of which part


def build(root: Path, sites: Sequence[Site], strict: bool = True) -> Found:
    """The images of all sites, with their masks.

    Where a side has folders of masks, pictures elsewhere are none of its images. Raises InputError for images that
    share a name and, if `strict`, for one of training or validation without a mask, or where several masks fit one.
    """
    found = Found()
    sides: dict[Side, Pairs] = {side: [] for side in SIDES}
    kinds: dict[tuple[Side | None, str, tuple[str, ...]], list[Site]] = defaultdict(list)
    for site in sites:
        if site.masks:
            name = "" if site.images is site.node else site.images.path.name
            kinds[site.side, name, tuple(folder.path.name for folder in site.masks)].append(site)
    for group in sorted(kinds.values(), key=lambda group: SIDES.index(group[0].side or "train")):
        for problem in find_problems(root, group):
            optional = problem.side == "test" or not strict
            pairing = pair_files(problem.images, problem.choices, problem.shown, optional)
            found.lists += problem.lists
            _add(found, sides[problem.side], pairing)
    for side in SIDES:
        if not sides[side]:
            rest = [site for site in sites if not site.masks and (site.side or "train") == side]
            for pairing in _read_singles(root, side, rest, strict):
                _add(found, sides[side], pairing)
    if strict:
        _check_claims([pair for side in SIDES for pair in sides[side]])
    for side in SIDES:
        found.items += name_items(root, side, sides[side])
    return found


def _add(found: Found, pairs: Pairs, pairing: Pairing) -> None:
    pairs += pairing.pairs
    if pairing.rule not in found.rules:
        found.rules.append(pairing.rule)


def _read_singles(root: Path, side: Side, sites: list[Site], strict: bool) -> list[Pairing]:
    """Images and masks that lie in the same folders, and test images without masks."""
    named = [site for site in sites if site.named]
    if side == "test" and named:
        sites = named
    keyed: Keyed = [
        pair
        for position, site in enumerate(sites)
        for pair in key_files(list_files(site.images, site.deep), str(position))
    ]
    shown = show(root, [site.images.path for site in sites])
    split = split_single(keyed, words_only=side == "test") if keyed else None
    if split is not None:
        images, masks = split
        return [pair_files(images, [Choice(shown, masks)], shown, optional=side == "test" or not strict)]
    if side == "validation" and keyed:
        return [Pairing([], f"{shown} has no masks and is not read")]
    if side != "test" or not keyed:
        return []
    return [pair_files(drop_copies(keyed, words_only=False), [], shown, optional=True)]


def _check_claims(pairs: Pairs) -> None:
    owners: dict[Path, File] = {}
    for file, mask in pairs:
        if mask is not None and (owner := owners.setdefault(mask, file)) is not file:
            raise InputError(
                f"a mask must belong to one image; got {printable(mask)} for {printable(owner.path)} and "
                f"{printable(file.path)}; put the masks of each part into a folder of its own"
            )


def name_items(root: Path, side: Side, pairs: Pairs) -> list[Item]:
    """Items by the path of the image, named by the path under the images' folder.

    Where that is not unique, it is the path under `root`.
    """
    ordered = sorted(pairs, key=lambda pair: str(pair[0].path))
    names = [file.name for file, _ in ordered]
    if len(set(names)) < len(names):
        names = [name_under(root, file.path) for file, _ in ordered]
        by_key([(("", name), file) for name, (file, _) in zip(names, ordered, strict=True)])
    return [
        Item(name, Picture(file.path), None if mask is None else Picture(mask), side)
        for name, (file, mask) in zip(names, ordered, strict=True)
    ]


def name_under(root: Path, path: Path) -> str:
    """The path of a file under `root` without suffix, `/` between its folders."""
    below = path.relative_to(root) if path.is_relative_to(root) else path
    return "/".join(normal(part) for part in (*below.parent.parts, below.stem))
