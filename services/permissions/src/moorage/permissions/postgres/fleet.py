"""The gateways of all permissions processes, one row each."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from moorage.access.consistency import ConsistencyToken
from moorage.permissions.fleet_members import GRACE_SECONDS, FleetMember
from moorage.runtime.statement import Connection, Statement, execute, fetch_all


@dataclass(frozen=True, slots=True)
class MemberRow:
    """A gateway as it is stored."""

    id: UUID
    epoch: int
    applied_seq: int
    serves_for: float | None
    seen_at: datetime

    def value(self) -> FleetMember:
        """As the use cases know it."""
        return FleetMember(self.id, ConsistencyToken(self.epoch, self.applied_seq), self.seen_at, self.serves_for)


# Reports of one gateway may overtake each other: the last to arrive counts, with the longest silence that any told of.
REPORT: Final = Statement(
    type(None),
    """
    INSERT INTO gateway (id, epoch, applied_seq, serves_for, seen_at) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (id) DO UPDATE
    SET epoch = excluded.epoch, applied_seq = excluded.applied_seq, seen_at = excluded.seen_at,
        serves_for = CASE WHEN num_nulls(gateway.serves_for, excluded.serves_for) = 0
                          THEN greatest(gateway.serves_for, excluded.serves_for) END
    WHERE gateway.seen_at <= excluded.seen_at
    """,
)
LEAVE: Final = Statement(type(None), "DELETE FROM gateway WHERE id = $1")
MEMBERS: Final = Statement(
    MemberRow, "SELECT id, epoch, applied_seq, serves_for, seen_at FROM gateway ORDER BY seen_at, id"
)
FORGET: Final = Statement(
    type(None),
    "DELETE FROM gateway WHERE serves_for IS NOT NULL AND seen_at + (serves_for + $2) * interval '2 seconds' < $1",
)


class PostgresFleet:
    """See FleetBook."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def report(self, member: FleetMember) -> None:
        """Keeps what the gateway said, unless it said something newer."""
        applied = member.applied
        await execute(
            self._connection, REPORT, member.id, applied.epoch, applied.seq, member.serves_for, member.seen_at
        )

    async def leave(self, gateway: UUID) -> None:
        """Forgets the gateway."""
        await execute(self._connection, LEAVE, gateway)

    async def members(self) -> list[FleetMember]:
        """Every gateway that has not left."""
        return [row.value() for row in await fetch_all(self._connection, MEMBERS)]

    async def forget(self, now: datetime) -> None:
        """Drops those that are long gone."""
        await execute(self._connection, FORGET, now, GRACE_SECONDS)
