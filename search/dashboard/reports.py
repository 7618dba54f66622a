"""The studies' report pages, with a cache in front of them."""

import time
from collections.abc import Callable
from threading import Lock

from search.report.page import render_report
from search.study.study import open_study, study_names
from storage.artifacts.interface import Artifacts
from storage.database.connection import Database, translate_errors

MAX_AGE_S = 15.0  # a page is shown again for so long


class ReportCache:
    """The report page of every study.

    Args:
        list_names: returns the names of the studies.
        render: returns a study's page, as HTML, by the study's name.
    """

    def __init__(self, list_names: Callable[[], list[str]], render: Callable[[str], str]) -> None:
        self.list_names = list_names
        self._render = render
        self._pages: dict[str, tuple[float, str]] = {}  # by name, with the time of rendering
        self._lock = Lock()

    def page(self, name: str) -> str:
        """The page, at most MAX_AGE_S old. One is rendered at a time. Raises what `render` raises."""
        with self._lock:
            now = time.monotonic()
            self._pages = {cached: page for cached, page in self._pages.items() if now - page[0] < MAX_AGE_S}
            if name not in self._pages:
                html = self._render(name)
                self._pages[name] = time.monotonic(), html
            return self._pages[name][1]


def cache_reports(db: Database, artifacts: Artifacts) -> ReportCache:
    """The reports of a database's studies.

    Its functions raise InputError where there is no such study, and StorageError where the database is unreachable.
    """

    def list_names() -> list[str]:
        with translate_errors(db.url):
            return study_names(db)

    def render(name: str) -> str:
        with translate_errors(db.url):
            return render_report(open_study(db, name), db, artifacts)

    return ReportCache(list_names, render)
