"""How many rights are usually taken away in a minute, and when far more are: a mass revocation may be a bug (§3.7).

Pure: it counts what has been applied, and holds nothing back.
"""

from collections.abc import Iterable, Mapping
from math import ceil
from typing import Final

from moorage.access.frames import Row, RowKind

WEEK: Final = 7 * 24 * 60
"""In minutes."""

TIMES_THE_USUAL: Final = 10
LEAST_USUAL: Final = 10
"""Where hardly anything is ever taken away, so many removals in a minute still count as usual."""

GONE_AT_0: Final = frozenset(
    {
        RowKind.USER_GROUP,
        RowKind.GROUP_REPOSITORY,
        RowKind.USER_REPOSITORY,
        RowKind.GROUP_PROJECT,
        RowKind.USER_PROJECT,
        RowKind.WORKSPACE_ROLE,
        RowKind.PRINCIPAL,
        RowKind.CREDENTIAL,
    }
)
GONE_FROM_3: Final = frozenset({RowKind.NODE, RowKind.WORKSPACE})
"""Kinds whose value is the code of a state: deleted, transferred, suspended."""
_INTERN: Final = int(RowKind.INTERN)


def removes(kind: int, value: int) -> bool:
    """Whether a row of the change log takes rights away."""
    return (kind in GONE_AT_0 and value == 0) or (kind in GONE_FROM_3 and value >= 3)


def removals(rows: Iterable[Row]) -> int:
    """How many of the rows do. Most say a small number, which never does, or are names."""
    return sum(removes(row[0], row[4]) for row in rows if not 0 < row[4] < 3 and row[0] != _INTERN)


class RemovalRate:
    """The removals of each minute (since 1970) of the last week."""

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self._since: int | None = None

    def add(self, counts: Mapping[int, int]) -> None:
        """More removals of some minutes. The first minute that is told of, also with 0, is where knowledge begins."""
        for minute, count in counts.items():
            self._since = minute if self._since is None else min(self._since, minute)
            if count:
                self._counts[minute] = self._counts.get(minute, 0) + count
        newest = max(self._counts, default=0)
        self._counts = {minute: count for minute, count in self._counts.items() if minute >= newest - WEEK}

    def of(self, minute: int) -> int:
        """The removals of this minute so far."""
        return self._counts.get(minute, 0)

    def usual(self, minute: int) -> int:
        """What 99 of 100 minutes of the week before this one did not exceed; at least LEAST_USUAL."""
        first = max(minute - WEEK, minute if self._since is None else self._since)
        known = max(minute - first, 0)
        counts = sorted(count for at, count in self._counts.items() if first <= at < minute)
        rank = ceil(known * 0.99) - (known - len(counts))
        return max(counts[rank - 1] if rank > 0 else 0, LEAST_USUAL)

    def alarming(self, minute: int) -> bool:
        """Whether this minute's removals are more than ten times the usual."""
        return self.of(minute) > TIMES_THE_USUAL * self.usual(minute)
