"""Takes the README's pictures of the dashboard and the report page, with Chromium.

Usage: python docs/take_screenshots.py [--data FILE | --dir RUN_FOLDER]

Unless the folder of a search is given, a small one is run first, on the data or on the generated sample.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

COMMAND = str(Path(sys.executable).with_name("unet-search"))
DOCS = Path(__file__).parent
PASSWORD = "right"
WIDTH = 1200  # pixels of the browser's window
COLOURS = 128  # of a picture, so that it is smaller than LARGEST_BYTES
LARGEST_BYTES = 150_000
STILL = "*, *::before, *::after { transition: none !important; animation: none !important; caret-color: transparent }"
SEARCH = """
study = { name = "mars", trials = 8, startup_trials = 3 }

[train]
data   = { limit = 400 }
budget = { steps = "none", epochs = 4 }
model  = { width = 8, stem = 2 }

[space]
"model.depth"             = { int = [2, 3] }
"model.residual"          = { choice = [true, false] }
"loss.name"               = { choice = ["cross_entropy", "dice_focal"] }
"optimizer.learning_rate" = { float = [1e-3, 2e-2], log = true }
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--dir", type=Path, dest="folder", help="the run's folder of a search that has ended")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="unet-screenshots-") as temporary:
        folder = options.folder or search(Path(temporary), options.data)
        with served(folder) as url, window() as tab:
            take_all(tab, url)


def search(folder: Path, data: Path | None) -> Path:
    """Runs a search of a few minutes; returns the run's folder."""
    (folder / "search.toml").write_text(SEARCH)
    command = [COMMAND, "run", "search.toml", "--workers", "1"]
    if data is not None:
        shutil.copyfile(data, folder / data.name)  # the report shows where the data are
        command += ["--data", data.name]
    subprocess.run(command, cwd=folder, check=True)
    return folder / "unet-search"


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serves the dashboard with a password inside the context; yields its URL."""
    environ = os.environ | {"DASHBOARD_PASSWORD": PASSWORD, "PYTHONUNBUFFERED": "1"}
    command = [COMMAND, "dashboard", "--dir", str(folder), "--port", "0"]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as process:
        try:
            found = re.search(r"http://[\d.:]+", process.stdout.readline() if process.stdout else "")
            if found is None:
                sys.exit("the dashboard did not start")
            yield found[0]
        finally:
            process.terminate()


@contextmanager
def window() -> Iterator[Any]:
    """A tab of Chromium."""
    path = shutil.which("chromium")
    if path is None:
        sys.exit("Chromium must be installed; got none; run apt-get install chromium")
    with sync_playwright() as playwright:
        root = ["--no-sandbox"] if os.geteuid() == 0 else []
        chromium = playwright.chromium.launch(executable_path=path, args=root)
        yield chromium.new_page()
        chromium.close()


def take_all(tab: Any, url: str) -> None:
    tab.goto(url)
    tab.wait_for_selector("[name=password]")
    save(tab, "dashboard-login.png", 640)
    tab.fill("[name=user]", "admin")
    tab.fill("[name=password]", PASSWORD)
    tab.click("button")
    tab.wait_for_selector("[aria-label='delete study']")
    first = tab.request.get(f"{url}/api/studies").json()["study_summaries"][0]
    study = first["study_id"]
    best = tab.request.get(f"{url}/api/studies/{study}?after=0").json()["best_trials"][0]["number"]

    tab.goto(f"{url}/dashboard/studies/{study}")
    tab.wait_for_selector(".js-plotly-plot .point")
    save(tab, "dashboard-study.png", 1100)

    tab.goto(f"{url}/dashboard/studies/{study}/trials?numbers={best}")
    tab.wait_for_selector("text=gallery.png")
    tab.wait_for_function("[...document.images].every(image => image.naturalWidth > 0)")
    save(tab, "dashboard-trial.png", 1830)

    tab.goto(f"{url}/report/{first['study_name']}")
    save(tab, "report.png", 2800)


def save(tab: Any, name: str, height: int) -> None:
    """Writes a picture of the page in a window of this height, with few colours."""
    tab.set_viewport_size({"width": WIDTH, "height": height})
    tab.add_style_tag(content=STILL)
    tab.wait_for_timeout(2000)  # for graphs to be drawn
    picture = Image.open(BytesIO(tab.screenshot())).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    path = DOCS / name
    picture.save(path, optimize=True)
    size = path.stat().st_size
    if size > LARGEST_BYTES:
        sys.exit(f"a picture must be at most {LARGEST_BYTES:,} bytes; got {size:,} of {path}; lower COLOURS or WIDTH")
    print(f"{path}: {size:,} bytes")


if __name__ == "__main__":
    main()
