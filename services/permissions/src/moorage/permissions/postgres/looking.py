"""Views of a position, now or then, and how much of the past is kept (authorization.md §4)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from moorage.access.consistency import ConsistencyToken
from moorage.permissions.history import Position
from moorage.permissions.lookups import PositionUnknown
from moorage.permissions.postgres.cases import PostgresCases
from moorage.permissions.postgres.credentials import PostgresCredentials
from moorage.permissions.postgres.freshness import PostgresFreshness
from moorage.permissions.postgres.hierarchy import PostgresHierarchy
from moorage.permissions.postgres.history import PostgresHistory
from moorage.permissions.postgres.holders import PostgresHolders
from moorage.permissions.postgres.images import PostgresImages
from moorage.permissions.postgres.past import KEPT, as_it_was
from moorage.permissions.postgres.standings import PostgresStandings
from moorage.runtime.statement import Connection, Statement, execute, fetch_one


@dataclass(frozen=True, slots=True)
class Tick:
    """A change: the position after it, and when it came true."""

    seq: int
    at: datetime


TICK_OF_SEQ: Final = Statement(Tick, "SELECT seq, at FROM frame_clock WHERE seq <= $1 ORDER BY seq DESC LIMIT 1")
TICK_OF_TIME: Final = Statement(
    Tick, "SELECT seq, at FROM frame_clock WHERE at <= $1 ORDER BY at DESC, seq DESC LIMIT 1"
)
# The newest change before the limit stays: it is where history begins from then on.
OVER: Final = Statement(int, "SELECT max(seq) FROM frame_clock WHERE at < $1")
FORGET_TICKS: Final = Statement(
    type(None),
    "DELETE FROM frame_clock WHERE seq IN (SELECT seq FROM frame_clock WHERE seq < $1 ORDER BY seq LIMIT $2)",
)
FORGET_PAST: Final = tuple(
    Statement(
        type(None),
        f"DELETE FROM {table}_past WHERE ctid IN (SELECT ctid FROM {table}_past WHERE until_seq <= $1 LIMIT $2)",  # noqa: S608 - constants
    )
    for table in KEPT
)


class PostgresLooking:
    """One position, now or then, in one snapshot of the database."""

    def __init__(self, connection: Connection, token: ConsistencyToken, moment: datetime, then: bool) -> None:
        read = as_it_was(connection, token.seq) if then else connection
        self.token = token
        self.moment = moment
        self.hierarchy = PostgresHierarchy(read)
        self.standings = PostgresStandings(read, moment)
        self.cases = PostgresCases(read, moment)
        self.images = PostgresImages(read)
        self.credentials = PostgresCredentials(read)
        self.freshness = PostgresFreshness(connection)
        self.holders = PostgresHolders(read)
        self.history = PostgresHistory(connection, token.seq)


async def look(connection: Connection, head: ConsistencyToken, at: Position, now: datetime) -> PostgresLooking:
    """The view of a position. Raises PositionUnknown for one that is not kept, or of another epoch, or not yet."""
    if at.token is None and at.moment is None:
        return PostgresLooking(connection, head, now, then=False)
    if at.token is None:
        tick = await fetch_one(connection, TICK_OF_TIME, at.moment)
    elif at.token.epoch != head.epoch or at.token.seq > head.seq:
        raise PositionUnknown
    else:
        tick = await fetch_one(connection, TICK_OF_SEQ, at.token.seq)
    if tick is None:
        raise PositionUnknown
    token = at.token or ConsistencyToken(head.epoch, tick.seq)
    return PostgresLooking(connection, token, at.moment or tick.at, then=token != head)


async def forget_past(connection: Connection, before: datetime, limit: int) -> int:
    """Drops some of what was over before then; answers how many rows."""
    over = await fetch_one(connection, OVER, before)
    if over is None:
        return 0
    dropped = [await execute(connection, each, over, limit) for each in FORGET_PAST]
    return sum(dropped) + await execute(connection, FORGET_TICKS, over, limit)
