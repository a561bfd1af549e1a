"""The gateways, in memory."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from moorage.permissions.fleet_members import GRACE_SECONDS, FleetMember


class MemoryFleet:
    """See FleetBook."""

    def __init__(self) -> None:
        self._members: dict[UUID, FleetMember] = {}

    async def report(self, member: FleetMember) -> None:
        """Keeps what the gateway said, unless it said something newer."""
        known = self._members.get(member.id)
        if known is None or known.seen_at <= member.seen_at:
            self._members[member.id] = member.after(known) if known else member

    async def leave(self, gateway: UUID) -> None:
        """Forgets the gateway."""
        self._members.pop(gateway, None)

    async def members(self) -> Sequence[FleetMember]:
        """Every gateway that has not left."""
        return sorted(self._members.values(), key=lambda each: (each.seen_at, each.id))

    async def forget(self, now: datetime) -> None:
        """Drops those that are long gone."""
        for each in list(self._members.values()):
            ends = None if each.serves_for is None else timedelta(seconds=2 * (each.serves_for + GRACE_SECONDS))
            if ends is not None and each.seen_at + ends < now:
                del self._members[each.id]
