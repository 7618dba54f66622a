"""What the names of folders and files say: images or masks, and which part of a data set."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from trainer.data.item import Side

Role = Literal["image", "mask"]

_PARTS: dict[str, Side] = {
    **dict.fromkeys(("train", "training", "trn", "tr", "trainval"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "validation"),
    **dict.fromkeys(("test", "testing", "tst", "ts"), "test"),
}
# The first of several folders is taken, so the surest word stands first.
_IMAGES = (
    "image", "img", "jpegimage", "leftimg8bit", "photo", "photograph", "picture", "input", "frame", "rgb", "scan",
    "original", "orig", "raw", "sat", "source", "tile", "patch", "data", "x",
)  # fmt: skip
_MASKS = (
    "labeltrainid", "segmentationclass", "labelid", "semantic", "manual", "groundtruth", "gtfine", "gt", "truth",
    "label", "lbl", "annotation", "annot", "anno", "target", "segmentation", "segment", "seg", "mask", "msk", "trimap",
    "gtcoarse", "y",
)  # fmt: skip
_UNSURE = frozenset(("raw", "source", "data", "x", "y", "target", "tile", "patch", "scan", "frame", "sat", "rgb"))
# Versions of masks that are made for people or for other tasks.
_LESSER = frozenset((
    "colour", "color", "coloured", "colored", "colormap", "rgb", "vis", "viz", "visual", "visualization", "overlay",
    "instance", "inst", "instanceid", "object", "segmentationobject", "edge", "boundary", "contour", "panoptic",
    "coarse", "gtcoarse", "2nd", "3rd", "second", "third", "preview", "small", "thumb", "depth", "weight", "distance",
))  # fmt: skip
_PREDICTED = frozenset((
    "pred", "predict", "predicted", "prediction", "output", "result", "overlay", "prob", "probability", "heatmap",
))  # fmt: skip
_FILLERS = frozenset(("ground", "set", "dir", "folder", "file", "the", "of", "and", "crop"))
_KNOWN = frozenset((*_PARTS, *_IMAGES, *_MASKS, *_LESSER, *_PREDICTED, *_FILLERS))
_TABLES: tuple[tuple[Role, tuple[str, ...]], ...] = (("mask", _MASKS), ("image", _IMAGES))
_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+(?:st|nd|rd|th)?")
_SEPARATORS = re.compile(r"[\W_]+")


@dataclass(frozen=True)
class Kind:
    """What the name of a folder says."""

    side: Side | None
    role: Role | None
    rank: int  # of the word; lower is surer
    stem: str  # what remains of the name


@lru_cache(maxsize=100_000)
def split_words(name: str) -> tuple[str, ...]:
    """The words of a name in lower case, without plural: `ISIC_TrainingInput` and `trainannot` have two and more."""
    words: list[str] = []
    for chunk in _SEPARATORS.split(name):
        words += _split_chunk(chunk) if chunk else []
    return tuple(words)


def _split_chunk(chunk: str) -> list[str]:
    whole = _singular(chunk.lower())
    if whole in _KNOWN:
        return [whole]
    for cut in range(1, len(chunk)):
        left, right = _singular(chunk[:cut].lower()), _singular(chunk[cut:].lower())
        if left in _KNOWN and right in _KNOWN and len(left) + len(right) > 3:
            return [left, right]
    parts = _CAMEL.findall(chunk) if chunk.isascii() else [chunk]
    return [_singular(part.lower()) for part in parts]


def _singular(word: str) -> str:
    return word[:-1] if word.endswith("s") and word not in _KNOWN and word[:-1] in _KNOWN else word


def classify(name: str) -> Kind:
    """What the name of a folder says. Where words of both roles are in it, as in `label_images`, it is of masks."""
    words = split_words(name)
    side = next((_PARTS[word] for word in words if word in _PARTS), None)
    known = [(role, table.index(word)) for role, table in _TABLES for word in words if word in table]
    role, rank = known[0] if known else (None, 0)
    rank += 100 * sum(word in _LESSER or word in _PREDICTED for word in words)
    rest = [word for word in words if word not in _PARTS and word not in _FILLERS and not _has_role(word)]
    return Kind(side, role, rank, "_".join(rest))


def _has_role(word: str) -> bool:
    return word in _IMAGES or word in _MASKS


def is_part(name: str) -> Side | None:
    """The part that a folder's name is of where it says nothing else: `val`, `train2017`."""
    kind = classify(name)
    return kind.side if kind.role is None and (not kind.stem or kind.stem.isdigit()) else None


def names_mask(text: str) -> bool:
    """Whether a file's name, or what was added to another's, has a word for masks that is hardly one for else."""
    return any(word in _MASKS and word not in _UNSURE for word in split_words(text))


def names_image(text: str) -> bool:
    """Whether a file's name has a word for images."""
    return any(word in _IMAGES for word in split_words(text))


def names_prediction(text: str) -> bool:
    """Whether a file's name has a word for what a network or a program made."""
    return any(word in _PREDICTED for word in split_words(text))


def rank_affix(text: str) -> tuple[bool, int]:
    """How surely what is constant in masks' names stands for masks of classes; lower is surer."""
    words = split_words(text)
    lesser = sum(word in _LESSER or word in _PREDICTED for word in words)
    ranks = [_MASKS.index(word) for word in words if word in _MASKS]
    return lesser > 0, min(ranks, default=len(_MASKS))
