"""The folders of a data set in which images lie, and those that may have their masks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trainer.data.item import Side
from trainer.data.layout.scan import Folder
from trainer.data.layout.words import Kind, classify, is_part, rank_affix

_MOST_BELOW = 30  # folders under one of masks that are tried too


@dataclass(frozen=True)
class Site:
    """A folder of images."""

    node: Folder  # that both folders lie in
    images: Folder
    masks: tuple[Folder, ...]  # that may have the masks, the likeliest first; none: in the images' folder, or nowhere
    side: Side | None  # None where no folder above says it
    deep: bool = True  # whether folders under it belong to it
    named: bool = True  # whether its folder's name says that it has images


def find_sites(top: Folder) -> list[Site]:
    """All folders of images under one."""
    sites: list[Site] = []
    _visit(top, None, sites, named=False)
    return sites


def _visit(folder: Folder, side: Side | None, sites: list[Site], named: bool) -> None:
    kinds = {name: classify(name) for name, child in folder.folders.items() if child.count}
    paired = _pair_folders(folder, kinds, side)
    own = [site for site in paired if site.images is folder]
    sites += paired
    paths = [one.path for site in paired for one in (site.images, *site.masks) if one is not folder]
    used = {path.relative_to(folder.path).parts[0] for path in paths}
    parts = {site.side for site in paired if site.images is not folder}
    for name, kind in kinds.items():
        child = folder.folders[name]
        if name in used:
            continue
        below: list[Site] = []
        _visit(child, kind.side or side, below, named=kind.role == "image" or kind.side is not None)
        # What is left of masks, or of versions of images, is no image; but there may be pairs in it.
        if kind.role == "mask" or (kind.side or side) in parts:
            below = [site for site in below if site.masks]
        elif kind.role == "image" and all(not site.masks and site.side == (kind.side or side) for site in below):
            below = [Site(folder, child, (), kind.side or side)]
        sites += below
    if folder.pictures and not own:
        sites.append(Site(folder, folder, (), side, deep=False, named=named))


def _pair_folders(folder: Folder, kinds: dict[str, Kind], side: Side | None) -> list[Site]:
    """Sites of the folders of images that lie beside one of masks, or of the folder itself."""
    masks = _ranked(name for name, kind in kinds.items() if kind.role == "mask")
    images = [name for name, kind in kinds.items() if kind.role == "image"]
    # `train/` beside `train_masks/`, but not where it has masks of its own.
    plain = [name for name, kind in kinds.items() if kind.side and not kind.role and not _has_masks(folder, name)]
    sites = []
    for part in dict.fromkeys(kinds[name].side for name in (*images, *plain)):
        of_part = [name for name in images if kinds[name].side == part]
        takers = of_part or [name for name in plain if kinds[name].side == part]
        common = part is None or (part != "test" and all(kinds[name].side for name in images))
        givers = _masks_of_part(part, masks, kinds, common)
        for name, chosen in _by_stem(_ranked(takers), givers, kinds):
            found = tuple(folder.folders[mask] for mask in chosen)
            sites.append(Site(folder, folder.folders[name], found, part or side))
    if folder.pictures and not sites and any(kinds[name].side is None for name in masks):
        found = tuple(folder.folders[name] for name in masks if kinds[name].side is None)
        return [Site(folder, folder, found, side, deep=False)]
    return sites


def _masks_of_part(part: Side | None, masks: list[str], kinds: dict[str, Kind], shared: bool) -> list[str]:
    """Folders of masks of a part; if `shared`, those of no part where it has none.

    They are not shared with test images, which are often numbered as the others, whose masks these would be.
    """
    own = [name for name in masks if kinds[name].side == part]
    common = [name for name in masks if kinds[name].side is None and shared]
    return own or common or (masks if part is None and len(masks) == 1 else [])


def _by_stem(takers: list[str], givers: list[str], kinds: dict[str, Kind]) -> list[tuple[str, list[str]]]:
    """Folders of images and their masks': those whose names are else the same, where there are several."""
    if not takers or not givers:
        return []
    if len(takers) > 1:
        same = [(name, [mask for mask in givers if kinds[mask].stem == kinds[name].stem]) for name in takers]
        groups = [(name, found) for name, found in same if found]
        # The first of each name: `images` and `raw` beside `masks` are two versions of one.
        stems: dict[str, tuple[str, list[str]]] = {}
        for name, found in groups:
            stems.setdefault(kinds[name].stem, (name, found))
        if stems:
            return list(stems.values())
    return [(takers[0], givers)]


def _ranked(names: Iterable[str]) -> list[str]:
    return sorted(names, key=lambda name: (classify(name).rank, name))


def _has_masks(folder: Folder, name: str) -> bool:
    below = folder.folders[name].walk()
    return any(child.count and classify(key).role == "mask" for one in below for key, child in one.folders.items())


def mask_choices(sites: list[Site]) -> list[list[Folder | None]]:
    """Folders that may have the masks of sites of one kind, a folder a site: the likeliest first, then those below."""
    choices: list[list[Folder | None]] = []
    tops = [
        [_named(site, name) for site in sites]
        for name in dict.fromkeys(folder.path.name for site in sites for folder in site.masks)
    ]
    choices += tops
    for top in tops:
        first = next(folder for folder in top if folder is not None)
        steps = [one.path.relative_to(first.path).parts for one in first.walk() if one.count and one is not first]
        steps = [names for names in steps if not is_part(names[-1])][:_MOST_BELOW]
        for names in sorted(steps, key=lambda names: (rank_affix(" ".join(names)), names)):
            choices.append([_descend(folder, names) for folder in top])
    return choices


def _named(site: Site, name: str) -> Folder | None:
    return next((folder for folder in site.masks if folder.path.name == name), None)


def _descend(folder: Folder | None, steps: Sequence[str]) -> Folder | None:
    for step in steps:
        folder = folder.folders.get(step) if folder else None
    return folder
