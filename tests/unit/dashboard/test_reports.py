"""The cache of report pages, asked by several threads at once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Semaphore
from typing import Any

import pytest

from search.dashboard import reports
from search.dashboard.reports import MAX_REQUESTS, ReportBusy, ReportCache

WAIT_S = 30.0  # for whatever must happen at once


class Painter:
    """Draws a page when it is allowed to."""

    def __init__(self) -> None:
        self.begun = Semaphore(0)
        self.may_end = Event()
        self.drawn: list[str] = []

    def __call__(self, name: str) -> str:
        self.begun.release()
        assert self.may_end.wait(WAIT_S)
        self.drawn.append(name)
        return f"{name} {len(self.drawn)}"


@pytest.fixture
def painter() -> Iterator[Painter]:
    painter = Painter()
    yield painter
    painter.may_end.set()


@pytest.fixture
def pool(painter: Painter) -> Iterator[ThreadPoolExecutor]:
    """Threads that end although a test fails."""
    pool = ThreadPoolExecutor(2 * MAX_REQUESTS)
    yield pool
    painter.may_end.set()
    pool.shutdown()


def make_cache(render: Any) -> ReportCache:
    return ReportCache(list, render)


def age(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes every page too old to be shown without another look."""
    monkeypatch.setattr(reports, "MAX_AGE_S", -1.0)


def test_another_study_does_not_wait(painter: Painter, pool: ThreadPoolExecutor) -> None:
    cache = make_cache(lambda name: painter(name) if name == "slow" else name)
    slow = pool.submit(cache.page, "slow")
    assert painter.begun.acquire(timeout=WAIT_S)
    assert cache.page("other") == "other"
    painter.may_end.set()
    assert slow.result(WAIT_S) == "slow 1"


def test_requests_for_one_page_share_it(painter: Painter, pool: ThreadPoolExecutor) -> None:
    cache = make_cache(painter)
    asked = [pool.submit(cache.page, "mars") for _ in range(MAX_REQUESTS)]
    assert painter.begun.acquire(timeout=WAIT_S)
    painter.may_end.set()
    assert {request.result(WAIT_S) for request in asked} == {"mars 1"}


def test_the_last_page_is_shown_while_the_next_is_drawn(
    painter: Painter, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = make_cache(painter)
    painter.may_end.set()
    assert cache.page("mars") == "mars 1"
    age(monkeypatch)
    painter.may_end.clear()
    assert painter.begun.acquire(timeout=WAIT_S)
    second = pool.submit(cache.page, "mars")
    assert painter.begun.acquire(timeout=WAIT_S)
    assert cache.page("mars") == "mars 1"
    painter.may_end.set()
    assert second.result(WAIT_S) == "mars 2"


def test_a_request_waits_only_so_long(
    painter: Painter, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "WAIT_S", 0.05)
    cache = make_cache(painter)
    pool.submit(cache.page, "mars")
    assert painter.begun.acquire(timeout=WAIT_S)
    with pytest.raises(ReportBusy, match="ask for it again"):
        cache.page("mars")


def test_few_threads_draw_at_a_time(painter: Painter, pool: ThreadPoolExecutor) -> None:
    """The others answer requests for other pages."""
    cache = make_cache(painter)
    drawing = [pool.submit(cache.page, f"study {number}") for number in range(MAX_REQUESTS)]
    for _ in drawing:
        assert painter.begun.acquire(timeout=WAIT_S)
    with pytest.raises(ReportBusy):
        cache.page("one more")
    painter.may_end.set()
    assert len({request.result(WAIT_S) for request in drawing}) == MAX_REQUESTS
    assert cache.page("one more")


def test_a_failure_is_not_kept() -> None:
    pages: Iterator[Any] = iter([ValueError("away"), "page"])

    def render(name: str) -> str:
        page = next(pages)
        if isinstance(page, Exception):
            raise page
        return str(page)

    cache = make_cache(render)
    with pytest.raises(ValueError, match="away"):
        cache.page("mars")
    assert cache.page("mars") == "page"
