"""Sessions of people who have signed in, by a random token in the browser's cookie; a new server has none."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from search.dashboard.accounts import Account

MAX_IDLE_S = 12 * 3600.0  # a session ends after so long without a request
MAX_AGE_S = 7 * 24 * 3600.0  # and after so long with requests
MAX_SESSIONS = 100  # of an account; beyond them the one that has been idle for longest ends


@dataclass
class _Session:
    account: Account
    began: float
    asked: float  # the time of the last request


class Sessions:
    """The sessions of one server, in memory, in the order of their last request."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sessions: dict[str, _Session] = {}  # by token
        self._lock = Lock()

    def begin(self, account: Account) -> str:
        """Begins a session; returns its token."""
        token, now = secrets.token_urlsafe(32), self._clock()
        with self._lock:
            self._sessions[token] = _Session(account, began=now, asked=now)
            own = [known for known, session in self._sessions.items() if session.account == account]
            if len(own) > MAX_SESSIONS:
                del self._sessions[own[0]]
        return token

    def find(self, token: str | None) -> Account | None:
        """The account of a session, None where there is no such session; counts as a request."""
        now = self._clock()
        with self._lock:
            session = self._sessions.pop(token or "", None)
            if token is None or session is None:
                return None
            if now - session.asked > MAX_IDLE_S or now - session.began > MAX_AGE_S:
                return None
            session.asked = now
            self._sessions[token] = session
        return session.account

    def end(self, token: str | None) -> None:
        """Ends the session, if there is one."""
        with self._lock:
            self._sessions.pop(token or "", None)
