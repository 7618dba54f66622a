"""The studies' report pages, with a cache in front of them."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition

from optuna.exceptions import StorageInternalError

from search.report.page import render_report
from search.study.study import open_study, study_names
from storage.artifacts.interface import Artifacts
from storage.database.connection import Database, translate_errors

MAX_AGE_S = 15.0  # a page is shown again for so long
MAX_LAST_AGE_S = 300.0  # and for so long while the next one is drawn
WAIT_S = 10.0  # for a page that is drawn for another request
MAX_REQUESTS = 4  # that draw or wait at a time: the server has more threads, which answer all other requests


class ReportBusy(RuntimeError):
    """The page is not drawn yet."""

    def __init__(self) -> None:
        super().__init__("the report is being drawn; ask for it again in some seconds")


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
        self._drawing: set[str] = set()  # names
        self._waiting = 0  # requests
        self._changed = Condition()

    def page(self, name: str) -> str:
        """The page, at most MAX_AGE_S old; while another request draws it, the last one or the next.

        Raises what `render` raises, and ReportBusy.
        """
        with self._changed:
            if (page := self._kept(name)) is not None:
                return page
            if self._is_full():
                raise ReportBusy
            if name in self._drawing:
                self._waiting += 1
                self._changed.wait_for(lambda: name not in self._drawing, WAIT_S)
                self._waiting -= 1
                if (page := self._kept(name)) is not None:
                    return page
            if name in self._drawing:
                raise ReportBusy
            self._drawing.add(name)
        return self._draw(name)

    def _kept(self, name: str) -> str | None:
        """A page that can be shown again."""
        now = time.monotonic()
        self._pages = {cached: page for cached, page in self._pages.items() if now - page[0] < MAX_LAST_AGE_S}
        drawn_at, page = self._pages.get(name, (0.0, None))
        return page if now - drawn_at < MAX_AGE_S or name in self._drawing or self._is_full() else None

    def _is_full(self) -> bool:
        return len(self._drawing) + self._waiting >= MAX_REQUESTS

    def _draw(self, name: str) -> str:
        try:
            page = self._render(name)
            with self._changed:
                self._pages[name] = time.monotonic(), page
            return page
        finally:
            with self._changed:
                self._drawing.remove(name)
                self._changed.notify_all()


def cache_reports(db: Database, artifacts: Artifacts) -> ReportCache:
    """The reports of a database's studies.

    Its functions raise InputError where there is no such study, and StorageError where the database is unreachable.
    """

    def list_names() -> list[str]:
        with _translate_errors(db):
            return study_names(db)

    def render(name: str) -> str:
        with _translate_errors(db):
            return render_report(open_study(db, name), db, artifacts)

    return ReportCache(list_names, render)


@contextmanager
def _translate_errors(db: Database) -> Iterator[None]:
    """Raises StorageError for errors of the database, also for those that Optuna wraps in its own."""
    with translate_errors(db.url):
        try:
            yield
        except StorageInternalError as error:
            raise error.__cause__ or error from None
