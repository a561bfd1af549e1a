"""Token buckets by key: how often something may happen. Bounded in memory; forgets the keys used least recently."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final

from cachetools import LRUCache

_MOST_KEYS: Final = 10_000


@dataclass(slots=True)
class _Bucket:
    level: float
    at: float


class Buckets:
    """`burst` at once, refilled with `per_second`. Time is an argument, in seconds that never go back."""

    def __init__(self, per_second: float, burst: float, most_keys: int = _MOST_KEYS) -> None:
        self._per_second = per_second
        self._burst = burst
        self._buckets: LRUCache[Hashable, _Bucket] = LRUCache(most_keys)

    @property
    def burst(self) -> float:
        """How many there are at most."""
        return self._burst

    def take(self, key: Hashable, now: float) -> bool:
        """Uses one up; False if there is none."""
        bucket = self._filled(key, now)
        if bucket.level < 1:
            return False
        bucket.level -= 1
        return True

    def has(self, key: Hashable, now: float) -> bool:
        """Whether `take` would succeed."""
        return self._filled(key, now).level >= 1

    def _filled(self, key: Hashable, now: float) -> _Bucket:
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = _Bucket(self._burst, now)
        bucket.level = min(self._burst, bucket.level + (now - bucket.at) * self._per_second)
        bucket.at = now
        return bucket
