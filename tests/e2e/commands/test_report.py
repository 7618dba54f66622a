"""The report: it agrees with the database and is self-contained, at any number of trials."""

import re
from io import BytesIO
from pathlib import Path

import pytest
from optuna.trial import TrialState, create_trial
from PIL import Image

from search.report.charts import COMPLETE, PRUNED, chart_style, draw_classes, to_svg
from search.report.entry import make_entry
from search.report.gather import gather
from search.report.page import render_report
from search.study.leaderboard import leaderboard
from search.study.study import OpenStudy, open_study
from storage.artifacts.interface import Artifacts
from storage.artifacts.store import open_artifacts
from storage.settings import Settings
from tests.e2e.command import FAKE_WORKER, run_command
from tests.e2e.conftest import Search
from tests.e2e.refusal import assert_refused
from tests.full_study import attach_picture
from tests.page import Page
from tests.synthetic_study import fill

TRAP = "<script>alert(1)</script>"


@pytest.fixture
def artifacts(search: Search) -> Artifacts:
    return open_artifacts(Settings(dir=search.folder / "run"))


def filled(search: Search, trials: int, epochs: int = 6) -> OpenStudy:
    """A study that has ended, without pictures."""
    opened = search.create_study(trials, epochs=epochs)
    fill(search.db, opened, trials, epochs)
    return opened


def test_the_page_agrees_with_the_database(search: Search, artifacts: Artifacts) -> None:
    opened = search.create_study(12)
    assert search.run(2) == 0
    html = render_report(opened, search.db, artifacts)
    best = leaderboard(opened.study, 10)
    rows = Page(html).table("rank", "trial", "name", "mIoU", "95 % interval", "beside the best", "miou_keras")
    assert [row[1] for row in rows] == [str(trial.number) for trial in best]
    for row, trial in zip(rows, best, strict=True):
        attrs = trial.user_attrs
        assert row[3] == f"{trial.value:.4f}"
        assert row[4] == "{:.3f} to {:.3f}".format(*attrs["interval"])
        assert row[6:11] == [f"{value:.4f}" for value in (attrs["miou_keras"], *attrs["iou"][1:])]
        assert row[11] == f"{attrs['parameters']:,}"
    assert [row[5] for row in rows[:1]] == [""] and {row[5] for row in rows[1:]} <= {"tie (0.50)", "behind (0.00)"}
    assert "4 for training, 4 for validation" in html


def test_pruned_curves_are_grey(search: Search, artifacts: Artifacts) -> None:
    html = render_report(filled(search, 30), search.db, artifacts)
    lines = re.findall(r"stroke: (#[0-9a-f]{6}); stroke-opacity: [0-9.]+; stroke-width: 0\.9", html)
    assert (lines.count(PRUNED), lines.count(COMPLETE)) == (6, 23)  # the best one has a colour of its own


@pytest.mark.parametrize(("pruner", "pruned"), [("median", "that fall behind are"), ("none", "that diverges is")])
def test_the_page_says_which_trials_are_stopped_early(
    search: Search, artifacts: Artifacts, pruner: str, pruned: str
) -> None:
    html = render_report(search.create_study(1, study=f"pruner = '{pruner}'"), search.db, artifacts)
    assert re.findall(r"trials? (\w.*) stopped early", html, re.IGNORECASE) == [pruned]


def test_the_page_refers_to_nothing_outside(search: Search, artifacts: Artifacts) -> None:
    page = Page(render_report(filled(search, 30), search.db, artifacts))
    assert all(link.startswith(("#", "data:image/")) for link in page.links)
    assert not {"script", "link", "iframe", "object", "base"} & set(page.tags)


def test_what_comes_from_files_is_escaped(search: Search, artifacts: Artifacts) -> None:
    opened = filled(search, 5)
    attrs = {"name": TRAP, "device": TRAP, "iou": [None, 0.1, 0.2, 0.3, 0.4]}
    opened.study.add_trial(create_trial(value=0.9, user_attrs=attrs))
    opened.study.set_user_attr("data", f"/{TRAP}/\udcff")
    html = render_report(open_study(search.db), search.db, artifacts)
    assert html.count("&lt;script&gt;") >= 3 and "<script" not in html
    assert html.encode()


def test_classes_of_any_name_are_drawn() -> None:
    classes = [TRAP, "$5", "a_b^c"]
    entries = [make_entry(create_trial(value=0.5, user_attrs={"iou": [0.1, 0.2, None]}), range(3))]
    with chart_style():
        svg = to_svg(draw_classes(entries, classes, 1), "classes")
    assert "&lt;script&gt;" in svg and "<script" not in svg and "$5" in svg and "a_b^c" in svg


@pytest.mark.parametrize("state", [None, TrialState.PRUNED, TrialState.FAIL])
def test_without_a_complete_trial_it_says_so(search: Search, artifacts: Artifacts, state: TrialState | None) -> None:
    opened = search.create_study(3)
    if state is not None:
        opened.study.add_trial(create_trial(state=state, intermediate_values={1: 0.2}))
    html = render_report(opened, search.db, artifacts)
    assert "No trial is complete yet" in html and "<svg" not in html


def test_one_trial_is_enough(search: Search, artifacts: Artifacts) -> None:
    opened = search.create_study(1)
    opened.study.add_trial(create_trial(value=0.5))  # as an older version stored it: without a curve or figures
    page = Page(render_report(opened, search.db, artifacts))
    assert page.table("rank")[0][:9] == ["1", "0", "-", "0.5000", "-", "-", "-", "-", "-"]
    assert page.tags.count("svg") == 3


def test_a_thousand_trials_fit_into_one_page(search: Search, artifacts: Artifacts) -> None:
    opened = filled(search, 1000, epochs=50)
    html = render_report(opened, search.db, artifacts)
    assert "The best 10 of 800 complete trials" in html
    assert len(gather(opened, search.db).curves) == 1000
    assert len(html) < 500_000
    assert Page(html).table("parameter", "share")[0][0] == "optimizer.learning_rate"


def test_pictures_become_part_of_the_page(search: Search, artifacts: Artifacts, tmp_path: Path) -> None:
    opened = search.create_study(2)
    trial = opened.study.ask()
    for name, content in (("gallery.png", png()), ("confusion.png", b"no picture")):
        (tmp_path / name).write_bytes(content)
        attach_picture(artifacts, trial, tmp_path / name)
    opened.study.tell(trial, 0.5)
    page = Page(render_report(opened, search.db, artifacts))
    assert sum(link.startswith("data:image/webp;base64,") for link in page.links) == 1  # the damaged one is left out


def test_the_command_writes_the_page(search: Search) -> None:
    filled(search, 3)
    run_command("report -o page.html", search.folder, DATABASE_URL=search.db.url).output()
    assert (search.folder / "page.html").read_text().endswith("</html>\n")
    assert_refused("report -o missing/page.html", "a file must be writable", search.folder, DATABASE_URL=search.db.url)


@pytest.mark.parametrize("writable", [True, False])
def test_a_search_leaves_its_report(search: Search, input_folder: Path, writable: bool) -> None:
    page = input_folder / "unet-search" / "report.html"
    if not writable:
        (page / "in the way").mkdir(parents=True)
    out = run_command(f"run search.toml {FAKE_WORKER}", input_folder, DATABASE_URL=search.db.url).output()
    assert ("report.html shows the search" in out) == writable == page.is_file()


def png() -> bytes:
    out = BytesIO()
    Image.new("RGB", (40, 20)).save(out, "PNG")
    return out.getvalue()
