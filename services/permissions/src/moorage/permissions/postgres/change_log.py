"""The change log: rows numbered without a hole by whoever has the turn, read back frame by frame."""

from collections.abc import Sequence
from typing import Final

from moorage.access.consistency import ConsistencyToken
from moorage.access.frames import Delta
from moorage.permissions.log_rows import LogRow, Numbered, gather
from moorage.permissions.lookups import PositionUnknown
from moorage.runtime.clock import Clock
from moorage.runtime.statement import Connection, Statement, execute, fetch_all, fetch_one

APPEND: Final = Statement(
    type(None),
    """
    INSERT INTO change_log (seq, frame, kind, ws, a, b, val, ver, extra, ev, at)
    SELECT seq, frame, kind, ws, a, b, val, ver, extra, ev, $11
    FROM unnest($1::bigint[], $2::bigint[], $3::smallint[], $4::int[], $5::int[], $6::int[], $7::int[], $8::bigint[],
                $9::jsonb[], $10::text[]) AS row (seq, frame, kind, ws, a, b, val, ver, extra, ev)
    """,
)
ADVANCE: Final = Statement(type(None), "UPDATE meta SET seq = $1")


# Frames are whole: the last one may lead beyond the limit.
AFTER: Final = Statement(
    LogRow,
    """
    SELECT seq, frame, kind, ws, a, b, val, ver, extra FROM change_log
    WHERE seq > $1 AND frame <= (SELECT max(frame) FROM
        (SELECT frame FROM change_log WHERE seq > $1 ORDER BY seq LIMIT $2) AS first_rows)
    ORDER BY seq
    """,
)
OLDEST: Final = Statement(int, "SELECT min(seq) FROM change_log")


class PostgresChangeLog(Numbered):
    """What the current change appends, written when it ends."""

    def __init__(self, connection: Connection, head: ConsistencyToken, clock: Clock) -> None:
        super().__init__(head)
        self._connection = connection
        self._clock = clock

    async def write(self) -> None:
        """Writes the rows and moves the head; whoever reads it sees both or neither."""
        if not self.rows:
            return
        seqs, frames, kinds, *plain, extras = zip(*(each.columns() for each in self.rows), strict=True)
        await execute(self._connection, APPEND, seqs, frames, kinds, *plain, extras, self.events, self._clock.now())
        await execute(self._connection, ADVANCE, self.token.seq)


class PostgresLog:
    """The log as a view sees it."""

    def __init__(self, connection: Connection, head: ConsistencyToken) -> None:
        self._connection = connection
        self._head = head

    async def deltas(self, after: ConsistencyToken, limit: int) -> Sequence[Delta]:
        """Whole frames of about `limit` rows. Raises PositionUnknown."""
        if after.epoch != self._head.epoch or after.seq > self._head.seq:
            raise PositionUnknown
        if after.seq == self._head.seq:
            return []
        oldest = await fetch_one(self._connection, OLDEST)
        if oldest is None or oldest > after.seq + 1:
            raise PositionUnknown
        return gather(await fetch_all(self._connection, AFTER, after.seq, limit), after, limit)
