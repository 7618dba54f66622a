"""Sessions of people who have signed in, by a random token in the browser's cookie; a new server has none."""

import secrets
import time
from collections.abc import Callable
from threading import Lock

from search.dashboard.accounts import Account

MAX_IDLE_S = 12 * 3600.0  # a session ends after so long without a request
MAX_SESSIONS = 1000  # beyond them the one that has been idle for longest ends


class Sessions:
    """The sessions of one server, in memory, in the order of their last request."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sessions: dict[str, tuple[Account, float]] = {}  # by token, with the time of the last request
        self._lock = Lock()

    def begin(self, account: Account) -> str:
        """Begins a session; returns its token."""
        token = secrets.token_urlsafe(32)
        with self._lock:
            self._sessions[token] = account, self._clock()
            if len(self._sessions) > MAX_SESSIONS:
                del self._sessions[next(iter(self._sessions))]
        return token

    def find(self, token: str | None) -> Account | None:
        """The account of a session, None where there is no such session; counts as a request."""
        now = self._clock()
        with self._lock:
            if token is None or token not in self._sessions:
                return None
            account, last = self._sessions.pop(token)
            if now - last > MAX_IDLE_S:
                return None
            self._sessions[token] = account, now
        return account

    def end(self, token: str | None) -> None:
        """Ends the session, if there is one."""
        with self._lock:
            self._sessions.pop(token or "", None)
