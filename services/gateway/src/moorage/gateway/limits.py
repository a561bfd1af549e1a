"""How often something may happen, and how much of it at the same time, by key.

Token buckets are bounded in memory: those of the keys used least recently are forgotten, and so full again.
"""

import math
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final

_MOST_KEYS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Allowance:
    """Requests per second of one principal and of one address.

    At once: uploads of one principal, requests in all, and how many of these one address may hold.
    """

    per_principal: float = 10_000
    per_address: float = 20_000
    uploads_at_once: int = 32
    requests_at_once: int = 1000

    @property
    def of_one_address(self) -> int:
        """Half of all, so that nobody keeps everybody else out."""
        return max(1, self.requests_at_once // 2)


@dataclass(slots=True)
class _Bucket:
    level: float
    at: float


class Buckets:
    """`burst` at once, refilled with `per_second`. Time is an argument, in seconds that never go back."""

    def __init__(self, per_second: float, burst: float, most_keys: int = _MOST_KEYS) -> None:
        self._per_second = per_second
        self._burst = burst
        self._most_keys = most_keys
        self._buckets: OrderedDict[Hashable, _Bucket] = OrderedDict()

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

    def wait(self, key: Hashable, now: float) -> int:
        """Whole seconds until `take` may succeed; at least one."""
        missing = 1 - self._filled(key, now).level
        return max(1, math.ceil(missing / self._per_second))

    def _filled(self, key: Hashable, now: float) -> _Bucket:
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = _Bucket(self._burst, now)
            if len(self._buckets) > self._most_keys:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(key)
        bucket.level = min(self._burst, bucket.level + (now - bucket.at) * self._per_second)
        bucket.at = now
        return bucket


class AtOnce:
    """At most so many at the same time by key; keys that hold nothing take no memory."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: dict[Hashable, int] = {}

    def take(self, key: Hashable) -> bool:
        """Holds one more; False if all are held. Whoever got True gives it back."""
        held = self._held.get(key, 0)
        if held >= self._most:
            return False
        self._held[key] = held + 1
        return True

    def give_back(self, key: Hashable) -> None:
        """One less."""
        self._held[key] -= 1
        if self._held[key] <= 0:
            del self._held[key]


class Holding:
    """What one request holds of such numbers until it ends."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held: list[tuple[AtOnce, Hashable]] = []

    def take(self, of: AtOnce, key: Hashable) -> bool:
        """As `AtOnce.take`."""
        taken = of.take(key)
        if taken:
            self._held.append((of, key))
        return taken

    def give_back(self) -> None:
        """All of it; at the end of the request."""
        for of, key in self._held:
            of.give_back(key)
