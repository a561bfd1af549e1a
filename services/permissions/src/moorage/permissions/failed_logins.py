"""How often secrets that nobody has were shown, over all gateways: each counts its own too, but is one of many (R141).

Pure. Of the names and addresses used least recently nothing is remembered: both are anybody's to choose.
"""

from collections import deque
from typing import Final

from cachetools import LRUCache

WINDOW_SECONDS: Final = 60.0
_MOST_KEYS: Final = 10_000

Key = tuple[str, str]
"""A user name and an address."""


class FailedLogins:
    """Remembers when the last ones were. Time is an argument, in seconds that never go back."""

    def __init__(self, most_keys: int = _MOST_KEYS) -> None:
        self._when: LRUCache[Key, deque[float]] = LRUCache(most_keys)

    def note(self, key: Key, now: float) -> None:
        """One more."""
        self._recent(key, now).append(now)

    def too_many(self, key: Key, limit: int, now: float) -> bool:
        """Whether there were so many within the last minute."""
        return len(self._recent(key, now)) >= limit

    def _recent(self, key: Key, now: float) -> deque[float]:
        when = self._when.get(key)
        if when is None:
            when = self._when[key] = deque()
        while when and now - when[0] >= WINDOW_SECONDS:
            when.popleft()
        return when
