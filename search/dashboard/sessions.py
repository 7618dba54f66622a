"""Who is signed in, by a random token in the browser's cookie. Kept in memory: a new server knows nobody."""

import secrets
import time
from collections.abc import Callable
from threading import Lock

from search.dashboard.accounts import Account

IDLE_S = 12 * 3600.0  # after so long without a request one signs in again
MOST = 1000  # sessions; the one that was idle for longest ends


class Sessions:
    """The sessions of one server, in the order of their last request."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sessions: dict[str, tuple[Account, float]] = {}  # by token, with the time of the last request
        self._lock = Lock()

    def begin(self, account: Account) -> str:
        """Gives the token of a new session."""
        token = secrets.token_urlsafe(32)
        with self._lock:
            self._sessions[token] = account, self._clock()
            if len(self._sessions) > MOST:
                del self._sessions[next(iter(self._sessions))]
        return token

    def find(self, token: str | None) -> Account | None:
        """Whose session it is; None where it has ended, or never was. Counts as a request."""
        now = self._clock()
        with self._lock:
            if token is None or token not in self._sessions:
                return None
            account, last = self._sessions.pop(token)
            if now - last > IDLE_S:
                return None
            self._sessions[token] = account, now
        return account

    def end(self, token: str | None) -> None:
        """Ends the session, if it is one."""
        with self._lock:
            self._sessions.pop(token or "", None)
