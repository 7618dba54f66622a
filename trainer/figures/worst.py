"""The images with the lowest scores: image, truth and prediction side by side."""

import heapq
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.patches import Patch

from trainer.data.pixels import Pixels
from trainer.figures.palette import class_colours, paint
from trainer.files import atomic_write

_SIDE = 480  # most pixels of a panel's side, to bound the memory


@dataclass(order=True)
class _Entry:
    rank: tuple[float, int]  # the heap's first is the best image of those kept, of equal ones the last
    name: str = field(compare=False)
    panels: tuple[Pixels, Pixels, Pixels] = field(compare=False)


class WorstImages:
    """Keeps small pictures of the images with the lowest mIoU of those that it is given one by one."""

    def __init__(self, count: int, classes: int, ignore: int | None) -> None:
        self._count, self._classes, self._ignore = count, classes, ignore
        self._entries: list[_Entry] = []
        self._seen = 0

    def add(self, name: str, miou: float, truth: Pixels, predicted: Pixels, view: Callable[[], Pixels]) -> None:
        """Takes an image's masks (H, W); `view` reads the image (H, W, 3), and is called only if it is kept."""
        self._seen += 1
        rank = (-miou, -self._seen)
        if len(self._entries) == self._count and rank < self._entries[0].rank:
            return
        true, found = (paint(_shrink(mask), self._classes, self._ignore) for mask in (truth, predicted))
        entry = _Entry(rank, name, (_shrink(view()), true, found))
        if len(self._entries) < self._count:
            heapq.heappush(self._entries, entry)
        else:
            heapq.heapreplace(self._entries, entry)

    def write(self, names: Sequence[str], path: Path) -> None:
        """Writes the gallery as a PNG, the worst first. Raises OSError."""
        figure = self._draw(names)
        with atomic_write(path) as partial, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about letters of names that the font does not have
            figure.savefig(partial, format="png", dpi=100)

    def _draw(self, names: Sequence[str]) -> Figure:
        entries = sorted(self._entries, reverse=True)
        heights = [3 * entry.panels[0].shape[0] / entry.panels[0].shape[1] for entry in entries]
        figure = Figure((9, min(600, 0.8 + sum(heights) + 0.3 * len(entries))), layout="constrained")
        grid = figure.subplots(len(entries), 3, squeeze=False, height_ratios=heights)
        for axes, entry in zip(grid, entries, strict=True):
            titles = (f"{entry.name}: mIoU {-entry.rank[0]:.4f}", "truth", "prediction")
            for axis, panel, title in zip(axes, entry.panels, titles, strict=True):
                axis.imshow(panel, interpolation="nearest")
                axis.set(xticks=[], yticks=[])
                axis.set_title(title, fontsize=8, loc="left", parse_math=False)  # names may have dollars
        colours = class_colours(self._classes, self._ignore) / 255
        handles = [Patch(color=colour, label=name) for colour, name in zip(colours, names, strict=True)]
        figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 6), fontsize="small")
        return figure


def _shrink(array: Pixels) -> Pixels:
    """Every n-th pixel of an array (H, W, ...), a copy: at most _SIDE a side."""
    step = -(-max(array.shape[:2]) // _SIDE)
    return array[::step, ::step].copy()
