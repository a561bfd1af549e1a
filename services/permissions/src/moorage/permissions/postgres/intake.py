"""Positions of partitions, dead letters, and the pins they put on workspaces and lanes."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from moorage.permissions.stores import DeadLetter, PositionMoved
from moorage.runtime.statement import Connection, Statement, execute, fetch_all, fetch_one

POSITION: Final = Statement(int, "SELECT next FROM ingest_position WHERE topic = $1 AND part = $2")
BEGIN: Final = Statement(
    type(None), "INSERT INTO ingest_position (topic, part, next) VALUES ($1, $2, 0) ON CONFLICT DO NOTHING"
)
ADVANCE: Final = Statement(
    type(None), "UPDATE ingest_position SET next = $4 WHERE topic = $1 AND part = $2 AND next = $3"
)
BURY: Final = Statement(
    int,
    """
    INSERT INTO dead_letter (source, topic, part, pos, ws, key, reason, detail, body, at)
    VALUES (nullif($1, 0), $2, $3, $4, nullif($5, 0), $6, $7, $8, $9, $10) RETURNING id
    """,
)
PIN: Final = Statement(
    type(None),
    "INSERT INTO workspace_pin (ws, key, since, dead_letter) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
)
PIN_LANE: Final = Statement(
    type(None),
    """
    INSERT INTO lane (source, topic, part, pinned_since) VALUES ($1, $2, $3, $4)
    ON CONFLICT (source, topic, part) DO UPDATE SET pinned_since = coalesce(lane.pinned_since, excluded.pinned_since)
    """,
)
PINNED: Final = Statement(datetime, "SELECT min(since) FROM workspace_pin WHERE ws = $1")
RELEASE: Final = Statement(
    int,
    """
    WITH released AS (
        DELETE FROM workspace_pin AS pin USING unnest($1::int[], $2::text[]) AS newer (ws, key)
        WHERE pin.ws = newer.ws AND pin.key = newer.key RETURNING pin.ws, pin.key
    )
    SELECT DISTINCT ws FROM released WHERE NOT EXISTS (
        SELECT FROM workspace_pin AS pin WHERE pin.ws = released.ws
        AND (pin.ws, pin.key) NOT IN (SELECT ws, key FROM released))
    """,
)


class PostgresPositions:
    """How far each partition has been applied."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def of(self, topic: str, part: int) -> int:
        """The next offset to apply."""
        return await fetch_one(self._connection, POSITION, topic, part) or 0


class PostgresIntake:
    """What came in, as one change sees it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def advance(self, topic: str, part: int, old: int, new: int) -> None:
        """Moves the position. Raises PositionMoved."""
        await execute(self._connection, BEGIN, topic, part)
        if not await execute(self._connection, ADVANCE, topic, part, old, new):
            raise PositionMoved

    async def bury(self, letter: DeadLetter, workspace: int, at: datetime) -> None:
        """Keeps the record and pins what it may have changed."""
        lane = letter.lane
        where = (lane.source, lane.topic, lane.part)
        id = await fetch_one(
            self._connection,
            BURY,
            *where,
            letter.pos,
            workspace,
            letter.key,
            letter.reason,
            letter.detail,
            letter.body,
            at,
        )
        if workspace:
            # Without a readable key only a snapshot frees the workspace: no fact has this one.
            await execute(self._connection, PIN, workspace, letter.key or f"dead letter {id}", at, id)
        elif lane.source:
            await execute(self._connection, PIN_LANE, *where, at)

    async def release(self, workspaces_and_keys: Collection[tuple[int, str]]) -> Sequence[int]:
        """Takes pins; answers the workspaces that are free now."""
        pairs = sorted(workspaces_and_keys)
        return await fetch_all(self._connection, RELEASE, [ws for ws, _ in pairs], [key for _, key in pairs])

    async def pins(self, workspace: int) -> datetime | None:
        """Since when the workspace is pinned."""
        return await fetch_one(self._connection, PINNED, workspace)
