"""What holds lanes: letters whose workspace can't be read. A lane's own column says since when it is held."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from moorage.events.topics import AUTHORITY
from moorage.permissions.stores import Lane
from moorage.runtime.statement import Connection, Statement, execute, fetch_all, fetch_one

PIN_LANE: Final = Statement(
    type(None),
    """
    INSERT INTO lane_pin (source, topic, part, key, since, dead_letter, at)
    SELECT $1, $2, $3, $4, $5, id, at FROM dead_letter WHERE id = $6
    ON CONFLICT (source, topic, part, key) DO UPDATE SET since = least(lane_pin.since, excluded.since),
        dead_letter = excluded.dead_letter, at = excluded.at
    """,
)
RELEASE_LANE: Final = Statement(
    type(None),
    "DELETE FROM lane_pin WHERE source = $1 AND topic = $2 AND part = $3 AND key = ANY($4::text[])",
)
HELD_FOR: Final = Statement(str, "SELECT key FROM lane_pin WHERE source = $1 AND topic = $2 AND part = $3")
RELEASE_BEFORE: Final = Statement(
    type(None), "DELETE FROM lane_pin WHERE source = $1 AND part = $2 AND topic NOT LIKE 'identity.%' AND at <= $3"
)
# The lanes are few; what holds them is rare.
RECALL: Final = Statement(
    type(None),
    """
    WITH held AS (SELECT source, topic, part, min(since) AS since FROM lane_pin GROUP BY 1, 2, 3),
    free AS (
        UPDATE lane SET pinned_since = NULL WHERE pinned_since IS NOT NULL
        AND NOT EXISTS (SELECT FROM held
                        WHERE (held.source, held.topic, held.part) = (lane.source, lane.topic, lane.part))
    )
    INSERT INTO lane (source, topic, part, pinned_since) SELECT source, topic, part, since FROM held
    ON CONFLICT (source, topic, part) DO UPDATE SET pinned_since = excluded.pinned_since
    WHERE lane.pinned_since IS DISTINCT FROM excluded.pinned_since
    """,
)
ANY_HELD: Final = Statement(bool, "SELECT EXISTS (SELECT FROM lane_pin WHERE source = $1)")


@dataclass(frozen=True, slots=True)
class Settled:
    """A workspace that a source feeds, and when the newest snapshot that was applied had begun."""

    ext: UUID
    at: datetime | None


SETTLED: Final = Statement(
    Settled,
    """
    SELECT alias.ext, (SELECT max(started_at) FROM snapshot_run AS run
                       WHERE run.workspace = fed.ws AND run.source = $1 AND run.state = 'done') AS at
    FROM (SELECT DISTINCT ws FROM authority WHERE source = $1) AS fed JOIN alias ON alias.id = fed.ws
    """,
)


class PostgresLanePins:
    """The pins of lanes, as one change sees them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def pin(self, lane: Lane, key: str, since: datetime, letter: int) -> None:
        """Holds the lane."""
        await execute(self._connection, PIN_LANE, lane.source, lane.topic, lane.part, key, since, letter)
        await self.recall()

    async def keys(self, lane: Lane) -> frozenset[str]:
        """What the lane is held for."""
        return frozenset(await fetch_all(self._connection, HELD_FOR, lane.source, lane.topic, lane.part))

    async def release(self, lane: Lane, keys: Collection[str]) -> None:
        """Takes pins of the lane."""
        if await execute(self._connection, RELEASE_LANE, lane.source, lane.topic, lane.part, list(keys)):
            await self.recall()

    async def release_by_snapshots(self, source: int, part: int | None) -> None:
        """Takes what the snapshots of every workspace of the lane have settled."""
        if not await fetch_one(self._connection, ANY_HELD, source):
            return
        fed = await fetch_all(self._connection, SETTLED, source)
        mine = [each.at for each in fed if part is None or AUTHORITY.partition_of(each.ext) == part]
        known = [each for each in mine if each is not None]
        if known and len(known) == len(mine):
            await execute(self._connection, RELEASE_BEFORE, source, part or 0, min(known))
            await self.recall()

    async def recall(self) -> None:
        """Brings the lanes' own columns up to date."""
        await execute(self._connection, RECALL)
