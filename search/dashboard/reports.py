"""Report pages, drawn at most once in a while."""

import time
from collections.abc import Callable
from threading import Lock

from search.report.page import render_report
from search.study.study import open_study, study_names
from storage.artifacts.store import Artifacts
from storage.database.connection import Database, reported

FRESH_S = 15.0  # a page is shown again for so long


class Reports:
    """The report page of every study.

    Args:
        names: gives the names of the studies there are.
        draw: gives the page of a study by its name, as HTML.
    """

    def __init__(self, names: Callable[[], list[str]], draw: Callable[[str], str]) -> None:
        self.names = names
        self._draw = draw
        self._pages: dict[str, tuple[float, str]] = {}  # with the time they were drawn
        self._lock = Lock()

    def page(self, name: str) -> str:
        """The page, at most FRESH_S old; one is drawn at a time. Raises what drawing raises."""
        with self._lock:
            now = time.monotonic()
            self._pages = {kept: page for kept, page in self._pages.items() if now - page[0] < FRESH_S}
            if name not in self._pages:
                html = self._draw(name)
                self._pages[name] = time.monotonic(), html
            return self._pages[name][1]


def study_reports(db: Database, artifacts: Artifacts) -> Reports:
    """The reports of a database's studies: InputError where there is none, StorageError where it does not answer."""

    def names() -> list[str]:
        with reported(db.url):
            return study_names(db)

    def draw(name: str) -> str:
        with reported(db.url):
            return render_report(open_study(db, name), db, artifacts)

    return Reports(names, draw)
