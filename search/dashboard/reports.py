"""Report pages, drawn at most once in a while."""

import time
from collections.abc import Callable
from threading import Lock

FRESH_S = 15.0  # a page is shown again for so long


class Reports:
    """The report page of every study by its name.

    Args:
        names: gives the names of the studies there are.
        draw: gives the page of a study, as HTML; one is drawn at a time.
    """

    def __init__(self, names: Callable[[], list[str]], draw: Callable[[str], str]) -> None:
        self.names = names
        self._draw = draw
        self._pages: dict[str, tuple[float, str]] = {}
        self._lock = Lock()

    def page(self, name: str) -> str | None:
        """The page, at most FRESH_S old; None where there is no such study."""
        with self._lock:
            if name not in self.names():
                self._pages.pop(name, None)
                return None
            drawn, html = self._pages.get(name, (0.0, ""))
            if not html or time.monotonic() - drawn > FRESH_S:
                html = self._draw(name)
                self._pages[name] = time.monotonic(), html
        return html
