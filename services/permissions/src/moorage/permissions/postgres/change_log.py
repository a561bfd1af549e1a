"""The change log: rows numbered without a hole by whoever has the turn, read back frame by frame."""

import json
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from moorage.access.consistency import ConsistencyToken
from moorage.access.frames import Delta
from moorage.permissions.log_rows import LogRow, Numbered, gather
from moorage.permissions.lookups import PositionUnknown
from moorage.permissions.postgres.arrays import plain, texts
from moorage.permissions.removals import GONE_AT_0, GONE_FROM_3
from moorage.runtime.clock import Clock
from moorage.runtime.statement import Connection, Statement, execute, fetch_all, fetch_one


class MinuteRow(NamedTuple):
    """How many of a minute's rows take rights away."""

    minute: int
    removals: int


APPEND: Final = Statement(
    type(None),
    """
    INSERT INTO change_log (seq, frame, kind, ws, a, b, val, ver, extra, ev, at)
    SELECT seq, frame, kind, ws, a, b, val, ver, extra, ev, $11
    FROM unnest($1::text::bigint[], $2::text::bigint[], $3::text::smallint[], $4::text::int[], $5::text::int[],
                $6::text::int[], $7::text::int[], $8::text::bigint[],
                string_to_array($9::text, chr(1), chr(2))::jsonb[], string_to_array($10::text, chr(1), chr(2)))
        AS row (seq, frame, kind, ws, a, b, val, ver, extra, ev)
    """,
)
ADVANCE: Final = Statement(
    type(None),
    """
    WITH moved AS (UPDATE meta SET seq = $1)
    INSERT INTO frame_clock (seq, at) VALUES ($1, $2)
    """,
)


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
REMOVALS: Final = Statement(
    MinuteRow,
    """
    SELECT floor(extract(epoch FROM at) / 60)::bigint AS minute,
        count(*) FILTER (WHERE (kind = ANY($2) AND val = 0) OR (kind = ANY($3) AND val >= 3)) AS removals
    FROM change_log WHERE seq > $1 GROUP BY 1
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
        *numbers, extras = zip(*self.rows, strict=True)
        said = texts([None if each is None else json.dumps(each) for each in extras])
        now = self._clock.now()
        await execute(self._connection, APPEND, *map(plain, numbers), said, texts(self.events), now)
        await execute(self._connection, ADVANCE, self.token.seq, now)


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

    async def removals(self, after: int) -> Mapping[int, int]:
        """Removals by the minute."""
        kinds = [sorted(map(int, each)) for each in (GONE_AT_0, GONE_FROM_3)]
        return {row.minute: row.removals for row in await fetch_all(self._connection, REMOVALS, after, *kinds)}
