"""The seconds in which the dashboard shows a large study: `unet-search dashboard` beside `optuna-dashboard URL`.

    python -m benchmarks.dashboard

Two studies are in an embedded PostgreSQL, one of them with a note for each trial. Both servers run at the same time, on
127.0.0.1, and get requests in turn, from Chromium and over HTTP. Prints a table of seconds and their ratios.
"""

import argparse
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import sync_playwright
from sqlalchemy import text

from search.study.plan import load_plan
from search.study.question import question
from search.study.study import create_study
from storage.database.connection import Database, open_database
from storage.settings import Settings
from tests.synthetic_study import fill

BIN = Path(sys.executable).parent
PASSWORD = "right"
BASIC = {"Authorization": "Basic " + b64encode(f"admin:{PASSWORD}".encode()).decode()}
STALE_S = 11  # optuna-dashboard reads a large study's trials again after 10 s; its page asks about as often
REPEATS = 3
SHOWN = "count => document.querySelectorAll('.js-plotly-plot .point').length >= count"
NOTE_CHARACTERS = 900
NOTES = text(r"""
    insert into study_system_attributes (study_id, key, value_json)
    select study_id, 'dashboard\:' || trial_id || '\:note_ver', '1' from trials where study_id = :study_id
    union all
    select study_id, 'dashboard\:' || trial_id || '\:note_str\:0', to_json(repeat('A note. ', :words))::text
    from trials where study_id = :study_id""")


@dataclass(frozen=True)
class Page:
    """A study's page in a tab of the browser."""

    tab: Any
    url: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=50)
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="unet-dashboard-")))
        db = stack.enter_context(open_database(Settings(dir=folder), create=True))
        studies = {
            "no notes": make_study(db, "bare", options.trials, options.epochs, noted=False),
            "a note each": make_study(db, "noted", options.trials, options.epochs, noted=True),
        }
        urls = (stack.enter_context(ours(folder)), stack.enter_context(plain(db.url)))
        time.sleep(STALE_S)  # as long as a user needs to open the page; our server has read the trials by then
        chromium = stack.enter_context(browser())
        print(f"{options.trials:,} trials of up to {options.epochs} epochs; seconds\n")
        print("| | `unet-search dashboard` | `optuna-dashboard URL` | ratio |")
        print("|---|---|---|---|")
        for name, study_id in studies.items():
            pages = [Page(sign_in(chromium, url), f"{url}/dashboard/studies/{study_id}") for url in urls]
            show = partial(open_page, trials=options.trials)
            print_row(f"{name}: the study's page, first", [show(page) for page in pages])
            print_row(f"{name}: the page again", again(show, pages))
            for label, after in (("all of", 0), ("what is new in", options.trials)):
                calls = [f"{url}/api/studies/{study_id}?after={after}" for url in urls]
                print_row(f"{name}: {label} `/api/studies/ID`, again", again(fetch, calls))


def make_study(db: Database, name: str, trials: int, epochs: int, noted: bool) -> int:
    """Creates a finished study; returns its id."""
    plan = load_plan(None, data=Path("none.npz"), study={"name": name})
    opened = create_study(db, plan, question(plan, "none", "none"))
    fill(db, opened, trials, epochs)
    if noted:
        with db.engine.begin() as connection:
            connection.execute(NOTES, {"study_id": opened.study_id, "words": NOTE_CHARACTERS // 8})
    return opened.study_id


@contextmanager
def ours(folder: Path) -> Iterator[str]:
    """The URL of our dashboard on the folder's studies."""
    command = [BIN / "unet-search", "dashboard", "--dir", folder, "--port", "0"]
    environ = os.environ | {"DASHBOARD_PASSWORD": PASSWORD, "PYTHONUNBUFFERED": "1"}
    with started(command, environ) as process:
        assert process.stdout is not None
        found = re.search(r"http://[\d.:]+", process.stdout.readline())
        assert found, "the dashboard did not start"
        yield found[0]


@contextmanager
def plain(url: str) -> Iterator[str]:
    """The URL of optuna-dashboard's own command on a database."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [BIN / "optuna-dashboard", url, "--port", str(port), "--host", "127.0.0.1"]
    with started(command, dict(os.environ)):
        for _ in range(300):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"


@contextmanager
def started(command: list[Any], environ: dict[str, str]) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


@contextmanager
def browser() -> Iterator[Any]:
    path = shutil.which("chromium")
    if path is None:
        sys.exit("Chromium must be installed; got none; run apt-get install chromium")
    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=root)
        yield chromium
        chromium.close()


def sign_in(chromium: Any, url: str) -> Any:
    """A tab that has signed in, where the server asks for it."""
    tab = chromium.new_context().new_page()
    tab.goto(url)
    if "/login" in tab.url:
        tab.fill("[name=user]", "admin")
        tab.fill("[name=password]", PASSWORD)
        tab.click("button")
    tab.wait_for_selector("[aria-label='delete study']")
    tab.goto("about:blank")
    return tab


def open_page(page: Page, trials: int) -> float:
    """The seconds until the page shows all trials in its history."""
    began = time.perf_counter()
    page.tab.goto(page.url)
    page.tab.wait_for_function(SHOWN, arg=trials, timeout=120_000)
    seconds = time.perf_counter() - began
    page.tab.goto("about:blank")  # otherwise it sends requests while others are measured
    return seconds


def fetch(url: str) -> float:
    """The seconds of one request, its body included."""
    began = time.perf_counter()
    with urllib.request.urlopen(urllib.request.Request(url, headers=BASIC), timeout=120) as answer:
        answer.read()
    return time.perf_counter() - began


def again(measure: Callable[[Any], float], targets: Sequence[Any]) -> list[float]:
    """The median over REPEATS measurements of each target, each after its cache is stale."""
    rounds = []
    for _ in range(REPEATS):
        time.sleep(STALE_S)
        rounds.append([measure(target) for target in targets])
    return [median(values) for values in zip(*rounds, strict=True)]


def print_row(label: str, seconds: list[float]) -> None:
    mine, other = seconds
    print(f"| {label} | {mine:.2f} | {other:.2f} | {mine / other:.2f} |", flush=True)


if __name__ == "__main__":
    main()
