"""Which of many things belong to each of many others: heavy-tailed, without repetition, and known by arithmetic."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

_STRIDE: Final = 1_000_003
"""A prime beyond every pool, so that steps of it visit all of a pool before one twice."""
_STARTS: Final = 2_654_435_761
_SKEW: Final = 0.5
"""The n-th largest holder has n to the power of -0.5 as many as the largest one."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Holder i has `sizes[i]` of `pool` things."""

    sizes: Sequence[int]
    pool: int

    @classmethod
    def of(cls, holders: int, pool: int, total: int) -> "Spread":
        """About `total` pairs; each holder has at least one and at most all."""
        weights = [(each + 1) ** -_SKEW for each in range(holders)]
        scale = total / sum(weights)
        return cls([min(pool, max(1, round(scale * weight))) for weight in weights], pool)

    @property
    def pairs(self) -> int:
        """How many there are."""
        return sum(self.sizes)

    def things(self, holder: int) -> Iterator[int]:
        """What the holder has."""
        start = holder * _STARTS % self.pool
        return ((start + step * _STRIDE) % self.pool for step in range(self.sizes[holder]))

    def has(self, holder: int, thing: int) -> bool:
        """Whether the holder has the thing."""
        start = holder * _STARTS % self.pool
        return (thing - start) * pow(_STRIDE, -1, self.pool) % self.pool < self.sizes[holder]
