"""The report's charts, as SVG inside the page, in the page's light or dark colours."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import StringIO
from threading import Lock
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, MaxNLocator, NullFormatter

from search.report.entry import LEADERS, Curve, Entry
from search.report.tradeoff import Point, Tradeoff

# Okabe and Ito (2008), as in every picture; visible on white and on black.
PRUNED, COMPLETE, BEST = "#8c8c8c", "#56b4e9", "#d55e00"
INK, GRID = "#1b1b1b", "#d0d0d0"
THEMED = {INK: "currentColor", GRID: "var(--line)"}  # replaced by the page's light or dark colours

SIZE = (5.4, 3.4)  # inches; small enough that its text is legible on a telephone
LABEL_SHARE = (0.09, 0.06)  # of the chart's width and height that a trial's number takes
MAX_POINTS, MAX_MARKS = 4000, 400  # of lines, and single ones; more of them are rasterized within the SVG
STYLE = {
    "svg.fonttype": "none",  # keeps text as text, in the page's font
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
_STYLE_LOCK = Lock()  # matplotlib's style is global, and the dashboard renders in several threads


@contextmanager
def chart_style() -> Iterator[None]:
    """Sets the report's style, for one thread at a time; figures must be both made and written within."""
    with _STYLE_LOCK, matplotlib.rc_context(STYLE):  # type: ignore[arg-type]
        yield


def draw_curves(curves: Sequence[Curve], best: Entry, label: str = "mIoU") -> Figure:
    """The metric of this label by epoch: pruned trials in grey, complete ones in light blue, the best in front."""
    figure, axes = _figure("epoch", f"validation {label}")
    others = [curve for curve in curves if curve.number != best.number and curve.epochs]
    rasterized = sum(len(curve.epochs) for curve in others) > MAX_POINTS
    for complete, colour in ((False, PRUNED), (True, COMPLETE)):
        lines = [np.column_stack([curve.epochs, curve.values]) for curve in others if curve.complete == complete]
        alpha = max(0.15, 0.8 - len(lines) / 200)  # so that many lines do not merge into one area
        axes.add_collection(LineCollection(lines, colors=colour, alpha=alpha, linewidths=0.9, rasterized=rasterized))
    axes.plot(best.curve.epochs, best.curve.values, "o-", color=BEST, linewidth=2, markersize=2.5)
    axes.autoscale_view()
    axes.set_ylim(bottom=0)
    _label_best(axes, best, best.best_epoch or 1)
    return figure


def draw_progress(curves: Sequence[Curve], complete: Sequence[Entry], label: str = "mIoU") -> Figure:
    """Each trial's value by its number, and the best so far."""
    figure, axes = _figure("trial", f"validation {label}")
    pruned = [(curve.number, max(curve.values)) for curve in curves if not curve.complete and curve.values]
    scored = sorted((entry.number, entry.value) for entry in complete)
    _scatter(axes, pruned, "o", color=PRUNED, markersize=3, alpha=0.7)
    _scatter(axes, scored, "o", color=COMPLETE, markersize=3, alpha=0.7)
    numbers = [number for number, _ in scored] + [curves[-1].number]
    so_far = np.maximum.accumulate([value for _, value in scored])
    axes.step(numbers, [*so_far, so_far[-1]], where="post", color=BEST, linewidth=2)
    axes.set_ylim(bottom=0)
    _label_best(axes, complete[0], complete[0].number)
    return figure


def draw_tradeoff(tradeoff: Tradeoff, best: Entry, label: str = "mIoU") -> Figure:
    """Value by cost: all trials in light blue, the leaders' intervals, the front as a line, the best in its colour."""
    figure, axes = _figure(tradeoff.words, f"validation {label}", SIZE[1] + 0.4)
    for point in tradeoff.points[:LEADERS]:
        if point.entry.interval:
            colour, width = (BEST, 1.6) if point.entry is best else (COMPLETE, 1.0)
            axes.vlines(point.cost, *point.entry.interval, color=colour, linewidth=width, alpha=0.8)
    shown = [point for point in tradeoff.points if point.entry.value >= tradeoff.floor]
    _scatter(axes, _places(shown), "o", color=COMPLETE, markersize=3, alpha=0.7)
    front, dearest = _places(tradeoff.front), max(point.cost for point in tradeoff.points)
    axes.step(*zip(*front, (dearest, front[-1][1]), strict=True), where="post", color=INK, linewidth=1.2)
    _scatter(axes, front, "o", color=INK, markersize=4)
    _scatter(axes, _places([point for point in shown if point.entry is best]), "o", color=BEST)
    _scale_cost(axes)
    first = [point for point in (*tradeoff.points[:1], tradeoff.cheapest_tie) if point]
    _label_points(axes, [*first, *reversed(tradeoff.front)], best)
    return figure


def draw_classes(complete: Sequence[Entry], classes: Sequence[str], leaders: int) -> Figure:
    """IoU by class: complete trials in light blue, the leaders in the text's colour, the best in front."""
    figure, axes = _figure("validation IoU", "", height=0.8 + 0.4 * len(classes))
    groups = ((complete[leaders:], COMPLETE, "|"), (complete[1:leaders], INK, "|"), (complete[:1], BEST, "o"))
    for entries, colour, marker in groups:
        points = [(iou, row) for entry in entries for row, iou in enumerate(entry.iou) if iou is not None]
        _scatter(axes, points, marker, color=colour, markersize=8)
    axes.set_yticks(range(len(classes)), classes)
    axes.set(xlim=(-0.02, 1), ylim=(len(classes) - 0.4, -0.6))
    axes.grid(axis="y", visible=False)
    return figure


def to_svg(figure: Figure, name: str) -> str:
    """An `<svg>` element; `name` makes its ids differ from those of the page's other charts."""
    out = StringIO()
    with matplotlib.rc_context({"svg.hashsalt": name}):  # the same ids each time
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
    return figure, axes


def _scatter(axes: Axes, points: Sequence[tuple[float, float]], marker: str, **style: Any) -> None:
    if points:
        axes.plot(*zip(*points, strict=True), marker, rasterized=len(points) > MAX_MARKS, **style)


def _label_best(axes: Axes, best: Entry, x: float) -> None:
    """Labels the best trial, above its highest point; ticks of the x axis, trials or epochs, are whole numbers."""
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    place: dict[str, Any] = {"xytext": (0, 5), "textcoords": "offset points", "ha": "center", "va": "bottom"}
    axes.annotate(f"trial {best.number}", (x, best.value), color=BEST, weight="bold", **place)


def _places(points: Sequence[Point]) -> list[tuple[float, float]]:
    return [(point.cost, point.entry.value) for point in points]


def _scale_cost(axes: Axes) -> None:
    """Makes the axis of costs logarithmic, with round numbers such as 2, 50 or 1M."""
    axes.set_xscale("log")
    low, high = axes.get_xlim()
    subs = (1, 2, 5) if high / low < 1000 else (1,)
    axes.xaxis.set_major_locator(LogLocator(subs=subs))
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _label_points(axes: Axes, points: Sequence[Point], best: Entry) -> None:
    """Writes its trial's number left above each point, unless it would cover one that came before."""
    taken: list[tuple[float, float]] = []
    for point in points:
        place = point.cost, point.entry.value
        x, y = axes.transAxes.inverted().transform(axes.transData.transform(place))
        if any(abs(x - other_x) < LABEL_SHARE[0] and abs(y - other_y) < LABEL_SHARE[1] for other_x, other_y in taken):
            continue
        taken.append((x, y))
        is_best = point.entry is best
        text = f"trial {point.entry.number}" if is_best else str(point.entry.number)
        style: dict[str, Any] = {"color": BEST, "weight": "bold"} if is_best else {"color": INK}
        axes.annotate(text, place, (-3, 2), textcoords="offset points", ha="right", va="bottom", **style)
