"""The report: one self-contained HTML page about a study, for people who do not know Optuna."""

from datetime import UTC, datetime
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from search.format import format_score, format_value, trial_label
from search.report.entry import Entry
from search.report.gather import LEAST_FOR_IMPORTANCES, Report, gather
from search.report.pictures import embed_pictures
from search.report.published import PAPER_CAVEAT, PAPER_TABLE, is_paper_task
from search.space.axis import Axis
from search.study.confirmed import describe_confirmed, read_confirmed
from search.study.limits import list_limits
from search.study.provenance import versions
from search.study.study import OpenStudy
from search.study.ties import describe_chance, format_interval
from storage.artifacts.interface import Artifacts
from storage.database.connection import Database
from trainer.files import atomic_write
from trainer.metric import metric_label

MAX_PICTURED = 3  # trials whose pictures are shown
HEAD_CHARACTERS = 1000  # of a page, in which its study is named


def is_report(opened: OpenStudy, path: Path) -> bool:
    """Whether a file is a report of this study."""
    try:
        with path.open(encoding="utf-8") as file:
            return _mark(opened) in file.read(HEAD_CHARACTERS)
    except (OSError, UnicodeError):
        return False


def write_report(opened: OpenStudy, db: Database, artifacts: Artifacts, path: Path) -> None:
    """Writes the page to a file, atomically. Raises OSError."""
    page = render_report(opened, db, artifacts)
    with atomic_write(path) as partial:
        partial.write_text(page, "utf-8")


def render_report(opened: OpenStudy, db: Database, artifacts: Artifacts) -> str:
    """The page as HTML. Everything in it that comes from the database or a file is escaped."""
    report = gather(opened, db)
    environment = Environment(
        loader=PackageLoader("search", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "score": format_score,
        "cell": format_value,
        "figure": _figure,
        "axis": _axis,
        "moment": _moment,
    }
    environment.filters |= {"interval": format_interval, "chance": describe_chance}
    page = environment.get_template("template.html.j2").render(
        report=report,
        plan=opened.plan,
        question=opened.question,
        mark=_mark(opened),
        best=next(iter(report.leaders), None),
        confirmed=_confirmed(report),
        charts=_charts(report) if report.leaders else {},
        pictures=[(entry, embed_pictures(entry.trial, artifacts)) for entry in report.leaders[:MAX_PICTURED]],
        least_for_importances=LEAST_FOR_IMPORTANCES,
        limits=list_limits(opened.plan.constraints),
        paper_table=PAPER_TABLE if is_paper_task(opened.plan.base.data) else (),
        paper_caveat=PAPER_CAVEAT,
        label=_label,
        metric=report.scoring.label,
        phrase=_phrase(report.scoring.metric),
        version=versions().get("unet-search", ""),
        now=datetime.now(UTC),
    )
    return page.encode("utf-8", "replace").decode()  # a file's name need not be UTF-8


def _mark(opened: OpenStudy) -> Markup:
    """The element by which a page is known to be of this study, and not of another of its name."""
    element = Markup('<meta name="unet-search-study" content="{} {}">')
    return element.format(opened.plan.study.name, opened.created.isoformat())


def _charts(report: Report) -> dict[str, Markup]:
    """The charts by name, as SVG; matplotlib escapes what is written in them."""
    from search.report import charts  # matplotlib takes half a second to import

    best, label = report.leaders[0], report.scoring.label
    with charts.chart_style():
        figures = {
            "curves": charts.draw_curves(report.curves, best, label),
            "progress": charts.draw_progress(report.curves, report.complete, label),
            "classes": charts.draw_classes(report.complete, report.classes, len(report.leaders)),
        }
        if report.tradeoff:
            figures["tradeoff"] = charts.draw_tradeoff(report.tradeoff, best, label)
        return {name: Markup(charts.to_svg(figure, name)) for name, figure in figures.items()}


def _confirmed(report: Report) -> str | None:
    """What a confirmation found, as the rest of a sentence."""
    found = read_confirmed(report.opened.study)
    return None if found is None else describe_confirmed(found, report.scoring.label)


def _phrase(metric: str) -> str:
    """The metric as it stands in a sentence."""
    return {"miou": "a mean IoU", "dice": "a mean Dice coefficient"}.get(metric, f"an {metric_label(metric)}")


def _label(entry: Entry) -> str:
    return trial_label(entry.number, entry.name)


def _axis(axis: Axis) -> str:
    """The values of an axis, in words."""
    if axis.kind == "choice":
        return ", ".join(format_value(choice) for choice in axis.choices)
    scale = ", logarithmic" if axis.log else f", steps of {format_value(axis.step)}" if axis.step else ""
    return f"{format_value(axis.low)} to {format_value(axis.high)}{scale}"


def _figure(value: float | None) -> str:
    """A measured figure with three significant digits, without an exponent; a dash where there is none."""
    return "-" if value is None else f"{value:,.0f}" if value >= 100 else f"{value:#.3g}"


def _moment(time: datetime | None) -> str:
    return "unknown" if time is None else f"{time:%Y-%m-%d %H:%M} UTC"
