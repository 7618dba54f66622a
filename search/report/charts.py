"""The report's charts, as SVG that stands in the page and takes on its colours."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import StringIO
from threading import Lock

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from search.report.gather import Curve, Entry

# Okabe and Ito (2008), as in every picture; they are seen on white and on black.
PRUNED, COMPLETE, BEST = "#8c8c8c", "#56b4e9", "#d55e00"
INK, GRID = "#1b1b1b", "#d0d0d0"
THEMED = {INK: "currentColor", GRID: "var(--line)"}  # what the page's light and dark colours replace

SIZE = (5.4, 3.4)  # inches: its text can still be read on a telephone
MOST_POINTS = 4000  # of a chart in SVG; more of them are drawn into it as a picture
STYLE = {
    "svg.fonttype": "none",  # text stays text, in the page's font
    "text.parse_math": False,  # a class may be called $5
    "font.size": 9,
    "axes.edgecolor": GRID,
    "grid.color": GRID,
    **{f"{item}.color": INK for item in ("text", "xtick", "ytick")},
    "axes.labelcolor": INK,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
}
_ONE_AT_A_TIME = Lock()  # the style is the whole process's, and the dashboard answers from several threads


@contextmanager
def chart_style() -> Iterator[None]:
    """Lets one thread draw, in the report's style; figures must be made and written inside."""
    with _ONE_AT_A_TIME, matplotlib.rc_context(STYLE):  # type: ignore[arg-type]
        yield


def draw_curves(curves: Sequence[Curve], best: Entry) -> Figure:
    """mIoU by epoch: pruned trials grey, complete ones light, the best in front."""
    figure, axes = _figure("epoch", "validation mIoU")
    points = sum(len(curve.epochs) for curve in curves)
    for complete, colour in ((False, PRUNED), (True, COMPLETE)):
        lines = [
            np.column_stack([curve.epochs, curve.values])
            for curve in curves
            if curve.complete == complete and curve.number != best.number and curve.epochs
        ]
        alpha = max(0.15, 0.8 - len(lines) / 200)  # many of them must not become one patch
        axes.add_collection(
            LineCollection(lines, colors=colour, alpha=alpha, linewidths=0.9, rasterized=points > MOST_POINTS)
        )
    for curve in curves:
        if curve.number == best.number and curve.epochs:
            axes.plot(curve.epochs, curve.values, color=BEST, linewidth=2, marker="o", markersize=2.5)
            top = int(np.argmax(curve.values))
            _name(axes, f"trial {best.number}", curve.epochs[top], curve.values[top])
    axes.autoscale_view()
    axes.set_ylim(bottom=0)
    return figure


def draw_progress(curves: Sequence[Curve], complete: Sequence[Entry]) -> Figure:
    """The best mIoU so far over the trials, in the order in which they were begun, and each trial's own."""
    figure, axes = _figure("trial", "validation mIoU")
    pruned = [(curve.number, max(curve.values)) for curve in curves if not curve.complete and curve.values]
    found = sorted((entry.number, entry.miou) for entry in complete)
    for points, colour in ((pruned, PRUNED), (found, COMPLETE)):
        if points:
            axes.plot(
                *zip(*points, strict=True), "o", color=colour, markersize=3, alpha=0.7, rasterized=len(curves) > 300
            )
    numbers = [number for number, _ in found]
    so_far = np.maximum.accumulate([value for _, value in found])
    last = max(numbers[-1], *(curve.number for curve in curves))
    axes.step([*numbers, last], [*so_far, so_far[-1]], where="post", color=BEST, linewidth=2)
    best = complete[0]
    _name(axes, f"trial {best.number}", best.number, best.miou)
    axes.set_ylim(bottom=0)
    return figure


def draw_classes(complete: Sequence[Entry], classes: Sequence[str], leaders: int) -> Figure:
    """IoU by class: every complete trial light, the leaders dark, the best in front."""
    figure, axes = _figure("validation IoU", "", height=0.9 + 0.45 * len(classes))
    groups = (
        (complete[leaders:], COMPLETE, "|", 9, 0.5, "other complete trials"),
        (complete[1:leaders], INK, "|", 11, 0.9, "other leaders"),
        (complete[:1], BEST, "o", 7, 1.0, "best trial"),
    )
    for entries, colour, marker, size, alpha, label in groups:
        points = [(iou, row) for entry in entries for row, iou in enumerate(entry.iou) if iou is not None]
        if points:
            axes.plot(
                *zip(*points, strict=True),
                marker,
                color=colour,
                markersize=size,
                alpha=alpha,
                label=label,
                markeredgewidth=1.4,
                rasterized=len(points) > MOST_POINTS // 2,
            )
    axes.set_yticks(range(len(classes)), classes)
    axes.set(xlim=(0, 1), ylim=(len(classes) - 0.4, -0.6))
    axes.grid(axis="y", visible=False)
    figure.legend(loc="outside lower right", ncols=3, frameon=False, fontsize=8)
    return figure


def to_svg(figure: Figure, name: str) -> str:
    """An `<svg>` element; `name` keeps its ids apart from those of the page's other charts."""
    out = StringIO()
    with matplotlib.rc_context({"svg.hashsalt": name}):  # the same study gives the same ids
        figure.savefig(out, format="svg", transparent=True, dpi=150)
    svg = out.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    for colour, themed in THEMED.items():
        svg = svg.replace(colour, themed)
    return svg


def _figure(x: str, y: str, height: float = SIZE[1]) -> tuple[Figure, Axes]:
    figure = Figure((SIZE[0], height), layout="constrained")
    axes = figure.subplots()
    axes.set(xlabel=x, ylabel=y)
    if x != "validation IoU":
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure, axes


def _name(axes: Axes, text: str, x: float, y: float) -> None:
    """Writes what a point is beside it."""
    axes.annotate(text, (x, y), (0, 5), textcoords="offset points", ha="center", va="bottom", color=BEST, weight="bold")
