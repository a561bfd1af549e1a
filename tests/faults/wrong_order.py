"""A change stream that breaks its promise: what a group may do comes before who has left it, in a frame of its own."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final

from faults.passing_feed import PassingFeed
from moorage.access.consistency import ConsistencyToken
from moorage.access.frames import Delta, Frame, Row, RowKind

BETWEEN_SECONDS: Final = 0.5


class WrongOrder(PassingFeed):
    """A feed of which a test has to find out that it is wrong."""

    async def changes(self, after: ConsistencyToken) -> AsyncIterator[Frame]:
        """Holds back who leaves until somebody is given a right, which is told first."""
        held: list[Delta] = []
        async for frame in self._feed.changes(after):
            if not isinstance(frame, Delta) or not (held or any(map(_leaves, frame.rows))):
                yield frame
                continue
            held.append(frame)
            rows = [row for each in held for row in each.rows]
            given = [row for row in rows if _gives(row)]
            if given:
                yield _frame(frame, held[0].first, given)
                await asyncio.sleep(BETWEEN_SECONDS)
                yield _frame(frame, held[0].first + len(given), [row for row in rows if not _gives(row)])
                held.clear()


def _leaves(row: Row) -> bool:
    return row[0] == RowKind.USER_GROUP and row[4] == 0


def _gives(row: Row) -> bool:
    return row[0] == RowKind.GROUP_REPOSITORY and row[4] > 0


def _frame(like: Delta, first: int, rows: Sequence[Row]) -> Delta:
    return like.model_copy(update={"first": first, "last": first + len(rows), "rows": list(rows)})
