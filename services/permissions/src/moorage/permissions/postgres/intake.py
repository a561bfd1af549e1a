"""Positions of partitions, dead letters, and the pins they put on workspaces and lanes."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from moorage.permissions.postgres.lane_pins import PostgresLanePins
from moorage.permissions.stores import Advance, DeadLetter, Lane, PositionMoved
from moorage.runtime.statement import Connection, Statement, execute, fetch_all, fetch_one

POSITION: Final = Statement(int, "SELECT next FROM ingest_position WHERE topic = $1 AND part = $2")
BEGIN: Final = Statement(
    type(None),
    """
    INSERT INTO ingest_position (topic, part, next)
    SELECT topic, part, 0 FROM unnest($1::text[], $2::int[]) AS new (topic, part) ON CONFLICT DO NOTHING
    """,
)
ADVANCE: Final = Statement(
    type(None),
    """
    UPDATE ingest_position AS at SET next = step.new
    FROM unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[]) AS step (topic, part, old, new)
    WHERE at.topic = step.topic AND at.part = step.part AND at.next = step.old
    """,
)
BURY: Final = Statement(
    int,
    """
    INSERT INTO dead_letter (source, topic, part, pos, ws, key, reason, detail, body, at, since)
    VALUES (nullif($1, 0), $2, $3, $4, nullif($5, 0), $6, $7, $8, $9, $10, $11) RETURNING id
    """,
)
# A pin stands for its key, with the newest letter: that one is what a snapshot must have been able to know.
PIN: Final = Statement(
    type(None),
    """
    INSERT INTO workspace_pin (ws, key, since, dead_letter) VALUES ($1, $2, $3, $4)
    ON CONFLICT (ws, key) DO UPDATE SET since = least(workspace_pin.since, excluded.since),
        dead_letter = coalesce(excluded.dead_letter, workspace_pin.dead_letter)
    """,
)
PINNED: Final = Statement(datetime, "SELECT min(since) FROM workspace_pin WHERE ws = $1")
PINNED_OF: Final = Statement(int, "SELECT DISTINCT ws FROM workspace_pin WHERE ws = ANY($1::int[])")
RELEASE: Final = Statement(
    int,
    """
    WITH released AS (
        DELETE FROM workspace_pin AS pin USING unnest($1::int[], $2::text[]) AS newer (ws, key)
        WHERE pin.ws = newer.ws AND pin.key = newer.key RETURNING pin.ws, pin.key
    ),
    settled AS (
        UPDATE dead_letter SET released_at = now(), released_by = 'source' FROM released
        WHERE (dead_letter.ws, dead_letter.key) = (released.ws, released.key) AND released_at IS NULL
    )
    SELECT DISTINCT ws FROM released WHERE NOT EXISTS (
        SELECT FROM workspace_pin AS pin WHERE pin.ws = released.ws
        AND (pin.ws, pin.key) NOT IN (SELECT ws, key FROM released))
    """,
)
RELEASE_UNTIL: Final = Statement(
    type(None),
    """
    WITH released AS (
        DELETE FROM workspace_pin AS pin USING dead_letter AS letter
        WHERE pin.ws = $1 AND letter.id = pin.dead_letter AND letter.at <= $2 RETURNING letter.id
    )
    UPDATE dead_letter SET released_at = now(), released_by = 'source' FROM released
    WHERE (dead_letter.id = released.id OR (dead_letter.ws = $1 AND dead_letter.at <= $2)) AND released_at IS NULL
    """,
)
RELEASE_LETTER: Final = Statement(
    type(None),
    """
    WITH letter AS (SELECT id, ws, key FROM dead_letter WHERE id = $1),
    lanes AS (DELETE FROM lane_pin USING letter WHERE lane_pin.dead_letter = letter.id),
    pins AS (
        DELETE FROM workspace_pin AS pin USING letter
        WHERE pin.dead_letter = letter.id OR (pin.ws = letter.ws AND pin.key = letter.key)
    )
    UPDATE dead_letter SET released_by = $2, release_reason = $3, released_at = $4 FROM letter
    WHERE dead_letter.id = letter.id OR (dead_letter.ws = letter.ws AND dead_letter.key = letter.key)
    """,
)
HOME: Final = Statement(int, "SELECT coalesce(ws, 0) FROM dead_letter WHERE id = $1")


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
        self._lanes = PostgresLanePins(connection)

    async def advance(self, steps: Collection[Advance]) -> None:
        """Moves the positions. Raises PositionMoved."""
        if not steps:
            return
        if first := [each for each in steps if each.old == 0]:
            await execute(self._connection, BEGIN, [each.topic for each in first], [each.part for each in first])
        columns = zip(*((each.topic, each.part, each.old, each.new) for each in steps), strict=True)
        if await execute(self._connection, ADVANCE, *map(list, columns)) != len(steps):
            raise PositionMoved

    async def bury(
        self, letter: DeadLetter, workspace: int, at: datetime, *, since: datetime | None = None, holds: bool = True
    ) -> int:
        """Keeps the record and pins the workspace."""
        lane, held = letter.lane, since or at
        what = (letter.pos, workspace, letter.key, letter.reason, letter.detail, letter.body)
        where = (lane.source, lane.topic, lane.part)
        id = await fetch_one(self._connection, BURY, *where, *what, at, held if holds else None) or 0
        if workspace and holds:
            # Without a readable key only a snapshot frees the workspace: no fact has this one.
            await execute(self._connection, PIN, workspace, letter.key or f"dead letter {id}", held, id)
        return id

    async def pin(self, workspace: int, key: str, since: datetime) -> None:
        """Holds the workspace."""
        await execute(self._connection, PIN, workspace, key, since, None)

    async def pin_lane(self, lane: Lane, key: str, since: datetime, letter: int) -> None:
        """Holds the lane."""
        await self._lanes.pin(lane, key, since, letter)

    async def release(self, workspaces_and_keys: Collection[tuple[int, str]]) -> Sequence[int]:
        """Takes pins; answers the workspaces that are free now."""
        pairs = sorted(workspaces_and_keys)
        return await fetch_all(self._connection, RELEASE, [ws for ws, _ in pairs], [key for _, key in pairs])

    async def release_until(self, workspace: int, at: datetime) -> None:
        """Takes the pins of older letters."""
        await execute(self._connection, RELEASE_UNTIL, workspace, at)

    async def lane_keys(self, lane: Lane) -> frozenset[str]:
        """What the lane is pinned for."""
        return await self._lanes.keys(lane)

    async def release_lane(self, lane: Lane, keys: Collection[str]) -> None:
        """Takes pins of the lane."""
        await self._lanes.release(lane, keys)

    async def release_lane_by_snapshots(self, source: int, part: int | None) -> None:
        """Takes what every workspace's snapshot has settled."""
        await self._lanes.release_by_snapshots(source, part)

    async def release_letter(self, letter: int, by: str, why: str, at: datetime) -> None:
        """Takes the pins of a letter."""
        await execute(self._connection, RELEASE_LETTER, letter, by, why, at)
        await self._lanes.recall()

    async def home_of(self, letter: int) -> int | None:
        """The workspace a letter speaks of."""
        return await fetch_one(self._connection, HOME, letter)

    async def pins(self, workspace: int) -> datetime | None:
        """Since when the workspace is pinned."""
        return await fetch_one(self._connection, PINNED, workspace)

    async def pinned(self, workspaces: Collection[int]) -> Sequence[int]:
        """Which of these workspaces are pinned."""
        return await fetch_all(self._connection, PINNED_OF, list(workspaces))
