"""Work on rows in slices, so that whoever is served meanwhile never waits long: what a row costs, where to pause."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from math import ceil
from operator import itemgetter
from typing import Any, Final

from moorage.access.frames import Row, RowKind

SLICE_COST: Final = 200
"""What is done without a pause: less than a millisecond, as measured."""
_COSTS: Final = {int(RowKind.INTERN): 2, int(RowKind.NODE): 2, int(RowKind.WORKSPACE): 4, int(RowKind.IMAGE): 7}
_LONG: Final = frozenset({int(RowKind.WORKSPACE), int(RowKind.IMAGE)})
_LISTS: Final = ("default_publishers", "publishers", "consumer_repositories")
_LISTED_COST: Final = 2
_kind_and_workspace: Final = itemgetter(0, 1)


def cost_of(row: Row) -> int:
    """What a row costs to apply: an edge is 1, which takes three or four microseconds."""
    plain = _COSTS.get(row[0], 1)
    return plain + _listed(row[6]) if len(row) == 7 and row[0] in _LONG else plain


def _listed(extra: Mapping[str, Any]) -> int:
    """What lists in it add; what is no list will be refused by whoever reads it."""
    return _LISTED_COST * sum(len(each) for name in _LISTS if isinstance(each := extra.get(name), list))


def alike(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """The rows, in order, as stretches of one kind and workspace."""
    return (list(stretch) for _, stretch in groupby(rows, key=_kind_and_workspace))


class Pauses:
    """Says when a slice of that cost has done enough."""

    def __init__(self, slice_cost: int) -> None:
        self.slice_cost = slice_cost
        self._left = slice_cost

    def pieces(self, rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
        """Rows of one kind, in pieces; behind each `ended` is to be asked."""
        start, plain = 0, rows[0][0] not in _LONG
        while start < len(rows):
            cost = cost_of(rows[start])
            end = start + max(ceil(self._left / cost), 1) if plain else start + 1
            piece = rows[start:end]
            self._left -= cost * len(piece)
            yield piece
            start = end

    def ended(self) -> bool:
        """Whether the slice has ended with the last piece; then another one begins."""
        return self._due(self._left <= 0)

    def before(self, much: int) -> bool:
        """Whether to pause because so much more is too much for this slice."""
        return self._due(much > self._left)

    def _due(self, due: bool) -> bool:
        if due:
            self._left = self.slice_cost
        return due
