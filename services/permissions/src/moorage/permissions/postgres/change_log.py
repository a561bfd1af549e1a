"""The change log: rows numbered without a hole by whoever has the turn, kept and read back frame by frame."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from msgspec.json import Decoder, Encoder

from moorage.access.consistency import ConsistencyToken
from moorage.access.frames import Delta, Row
from moorage.permissions.log_rows import LogFrame, Numbered, gather
from moorage.permissions.lookups import PositionUnknown
from moorage.permissions.removals import removals
from moorage.runtime.clock import Clock
from moorage.runtime.statement import Connection, Statement, execute, fetch_all, fetch_one, fetch_plain

FORGET_FRAMES: Final = 1000
_encode: Final = Encoder().encode
_decode: Final[Callable[[str], list[Row]]] = Decoder(list[tuple[Any, ...]]).decode


class FrameRow(NamedTuple):
    """A frame as it is stored."""

    after_seq: int
    rows: str


class MinuteRow(NamedTuple):
    """How many of a minute's rows take rights away."""

    minute: int
    removals: int


APPEND: Final = Statement(
    type(None),
    """
    WITH moved AS (
        UPDATE meta SET seq = $1
    ), clock AS (
        INSERT INTO frame_clock (seq, at) VALUES ($1, $2)
    ), told AS (
        INSERT INTO workspace_news (ws, seq, ev, at)
        SELECT ws, seq, ev, $2 FROM unnest($3::int[], $4::bigint[], $5::text[]) AS told (ws, seq, ev)
        ON CONFLICT (ws) DO UPDATE SET seq = excluded.seq, ev = excluded.ev, at = excluded.at
    )
    INSERT INTO change_frame (after_seq, size, removals, at, rows)
    SELECT after_seq, size, removals, $2, rows
    FROM unnest($6::bigint[], $7::int[], $8::int[], $9::text[]) AS frame (after_seq, size, removals, rows)
    """,
)
# Numbers are dense: those of the frames say how many rows there are. The last frame may lead beyond the limit.
AFTER: Final = Statement(
    FrameRow,
    """
    SELECT after_seq, rows FROM change_frame
    WHERE after_seq >= (SELECT max(after_seq) FROM change_frame WHERE after_seq <= $1) AND after_seq < $1 + $2
    ORDER BY after_seq
    """,
)
REMOVALS: Final = Statement(
    MinuteRow,
    """
    SELECT floor(extract(epoch FROM at) / 60)::bigint AS minute, sum(removals)::bigint AS removals
    FROM change_frame WHERE after_seq >= $1 GROUP BY 1
    """,
)
FORGET: Final = Statement(
    int,
    """
    WITH gone AS (
        DELETE FROM change_frame
        WHERE at < $1 AND after_seq IN (SELECT after_seq FROM change_frame ORDER BY after_seq LIMIT $2)
        RETURNING size
    )
    SELECT coalesce(sum(size), 0) FROM gone
    """,
)


class PostgresChangeLog(Numbered):
    """What the current change appends, written when it ends."""

    def __init__(self, connection: Connection, head: ConsistencyToken, clock: Clock) -> None:
        super().__init__(head)
        self._connection = connection
        self._clock = clock
        self._tells = True

    def tell_nothing(self, newest: Mapping[int, str]) -> int:
        """Nothing of this change is kept row by row: who is behind it finds a hole there, and takes a snapshot.

        To be called before anything is appended; answers the seq of what has no row. `newest` are the events of it.
        """
        if self.rows:
            raise ValueError("rows have been told already")
        self._tells, self._head = False, ConsistencyToken(self._head.epoch, self._head.seq + 1)
        self.newest = {ws: (self._head.seq, event) for ws, event in newest.items()}
        return self._head.seq

    async def write(self) -> None:
        """Writes the rows and moves the head; whoever reads it sees both or neither."""
        if not self.rows and self._tells:
            return
        told = [[*self.newest], *([each[at] for each in self.newest.values()] for at in (0, 1))]
        frames = [(each.first, len(each.rows), removals(each.rows), _written(each)) for each in self._kept()]
        columns = [list(each) for each in zip(*frames, strict=True)] or [[], [], [], []]
        await execute(self._connection, APPEND, self.token.seq, self._clock.now(), *told, *columns)

    def _kept(self) -> Sequence[LogFrame]:
        return self.frames() if self._tells else ()


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
        found = await fetch_plain(self._connection, AFTER, after.seq, limit)
        return gather([LogFrame(first, _decode(rows)) for first, rows in found], after, limit)

    async def removals(self, after: int) -> Mapping[int, int]:
        """Removals by the minute."""
        return {row.minute: row.removals for row in await fetch_all(self._connection, REMOVALS, after)}


async def forget_frames(connection: Connection, before: datetime) -> int:
    """Drops some of the oldest frames that were written before then; answers how many rows those had."""
    return await fetch_one(connection, FORGET, before, FORGET_FRAMES) or 0


def _written(frame: LogFrame) -> str:
    return _encode(frame.rows).decode()
